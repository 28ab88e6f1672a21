"""Whatever is killed while people look and buy, what was accepted counts once in features, models and experiments.

A sample: `HEADRACE_FAULT_SEED` chooses the kills and their moments; `make faults` has more of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from deploy.local.stack import SERVICES, Stack
from loadtest.interaction_faults import InteractionRuns, Plan, described
from loadtest.scan_cassandra import cassandra_session

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(300)]

_SEED = int(os.environ.get("HEADRACE_FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
_KILLS, _BETWEEN, _AFTER = 2, (20, 60), 20
_ROWS = "SELECT site, subject, month, time, id, kind FROM subject_records"
_DELETE = "DELETE FROM subject_records WHERE site=%s AND subject=%s AND month=%s AND time=%s AND id=%s AND kind=%s"


@pytest.fixture(scope="module")
def runs(pipeline: Stack) -> Iterator[InteractionRuns]:
    yield InteractionRuns(pipeline)
    # Those of which nothing is asked here may have ended when Kafka did.
    pipeline.up(*SERVICES)


@pytest.mark.parametrize("seed", [_SEED], ids=[f"HEADRACE_FAULT_SEED={_SEED}"])
def test_what_was_accepted_counts_once(runs: InteractionRuns, seed: int) -> None:
    outcome = runs.run(Plan.of(seed, _KILLS, _BETWEEN), after=_AFTER)
    assert outcome.passed, described(outcome)


def test_the_check_notices_one_row_that_is_taken_out_of_the_store(runs: InteractionRuns, pipeline: Stack) -> None:
    assert runs.history.events, "this is about what the test before sent"
    with cassandra_session(pipeline.host, pipeline.ports.cassandra) as session:
        row = next(row for row in session.execute(_ROWS) if row.id in runs.history.events)
        session.execute(_DELETE, row)
    failures = runs.check().failures
    assert {kind: len(cases) for kind, cases in failures.items()} == {"rows in Cassandra": 1}
