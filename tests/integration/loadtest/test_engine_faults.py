"""A sample of the engine's fault runs; `python -m loadtest.engine_faults` has them at length.

`HEADRACE_FAULT_SEED` chooses the readings and the kill.
"""

import os
import random
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from loadtest.engine_faults import Plan, described, engine_runs

pytestmark = [pytest.mark.integration, pytest.mark.faults]
SEED = int(os.environ.get("HEADRACE_FAULT_SEED") or random.SystemRandom().randrange(1_000_000))


@pytest.mark.parametrize("seed", [SEED], ids=[f"HEADRACE_FAULT_SEED={SEED}"])
def test_windows_anomalies_and_late_readings_are_those_of_a_plain_recomputation(
    stack: Stack, tmp_path: Path, seed: int
) -> None:
    with engine_runs(stack, tmp_path, seed) as runs:
        churn = runs.churn(seconds=9)
        assert churn.passed, churn
        outcome = runs.run(Plan.of(seed))
        assert outcome.passed, described(outcome)
