"""Whatever is killed while readings flow, what has a receipt is stored once or dead-lettered.

A sample: `HEADRACE_FAULT_SEED` chooses the components and the moments; `make faults` runs all of them at length.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from loadtest.faults import COMPONENTS, DEVICES, FaultRuns, Plan, described
from loadtest.scan_cassandra import cassandra_session

pytestmark = [pytest.mark.integration, pytest.mark.faults]

_SEED = int(os.environ.get("HEADRACE_FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
_SAMPLE = random.Random(_SEED).sample(COMPONENTS, 3)
_COUNT = 7_000
"""Of three readings each."""
_RATE = 1_500
_ROWS = "SELECT site, bucket, hour, device, time, n FROM readings"
_DELETE = "DELETE FROM readings WHERE site=%s AND bucket=%s AND hour=%s AND device=%s AND time=%s AND n=%s"


@pytest.fixture(scope="module")
def runs(pipeline: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultRuns]:
    folder: Path = tmp_path_factory.mktemp("faults")
    yield FaultRuns(pipeline, folder)


@pytest.mark.parametrize("component", _SAMPLE, ids=[f"{name}-HEADRACE_FAULT_SEED={_SEED}" for name in _SAMPLE])
def test_nothing_with_a_receipt_is_lost_or_doubled(runs: FaultRuns, component: str) -> None:
    outcome = runs.run(Plan.of(component, _SEED, _COUNT), _COUNT, _RATE)
    assert outcome.passed, described(outcome)


def test_the_check_notices_one_row_that_is_taken_out_of_the_store(runs: FaultRuns, pipeline: Stack) -> None:
    with cassandra_session(pipeline.host, pipeline.ports.cassandra) as session:
        row = next(row for row in session.execute(_ROWS) if row.device.startswith(DEVICES))
        session.execute(_DELETE, row)
    failures = runs.check().verdict.failures
    assert {kind: len(cases) for kind, cases in failures.items()} == {"accepted and lost": 3}
