"""When a model is due for a training."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from train_models.retraining.retraining_spec import Retraining
from train_models.retraining.triggers import Standing, due


def _us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("last", "now", "is_due"),
    [
        ("2026-03-01T03:00:01", "2026-03-02T02:59:59", False),
        ("2026-03-01T03:00:01", "2026-03-02T03:00:00", True),
        # Times that passed while nothing ran are one training.
        ("2026-03-01T03:00:01", "2026-03-20T12:00:00", True),
        ("2026-03-20T12:00:00", "2026-03-20T12:00:01", False),
    ],
)
def test_cron_is_due_once_its_time_has_passed(last: str, now: str, is_due: bool) -> None:
    reason = due(Retraining(cron="0 3 * * *"), Standing(_us(last)), _us(now))
    assert (reason is not None) == is_due


@pytest.mark.parametrize("cron", ["at three", "61 * * * *", "0 0 31 2 *", ""])
def test_a_cron_without_times_is_refused_where_it_is_read(cron: str) -> None:
    with pytest.raises(ValidationError, match="names no times"):
        Retraining(cron=cron)


@pytest.mark.parametrize(("rows", "is_due"), [(None, False), (999, False), (1_000, True)])
def test_rows_are_due_when_enough_came(rows: int | None, is_due: bool) -> None:
    assert (due(Retraining(new_rows=1_000), Standing(new_rows=rows), 0) is not None) == is_due


def test_drift_names_the_input_that_drifted_most() -> None:
    drift = {"tenure": 0.05, "score": 0.31, "Contract": 0.22}
    assert due(Retraining(drift_psi=0.2), Standing(drift=drift), 0) == (
        "score drifted: its population stability index is 0.31"
    )
    assert due(Retraining(drift_psi=0.4), Standing(drift=drift), 0) is None


def test_without_a_trigger_nothing_is_due() -> None:
    assert due(Retraining(), Standing(new_rows=10**9, drift={"score": 9.0}), 10**18) is None
