"""Rows of hold-outs remember what looked at them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.testing import FakeClock
from tests.unit.train_models.choice.toy import INPUTS, model_file, toy_build, toy_rows
from train_models.choice.choose import choose
from train_models.choice.progress import NoProgress
from train_models.hold_out_ledger import MOST_HASHES, HeldRows, HoldOutLedger, held_rows
from train_models.training_result import TrainingRows

ROWS = toy_rows(300)


def _held(rows: TrainingRows, *, label: str = "left", snapshot: str = "s", has_ids: bool = True) -> HeldRows:
    return held_rows(rows, label, snapshot, has_ids)


def _part(first: int, last: int, rows: TrainingRows = ROWS) -> TrainingRows:
    return rows.take(np.arange(first, last))


HELD = _held(_part(0, 100))


@pytest.fixture
def ledger(tmp_path: Path) -> HoldOutLedger:
    return HoldOutLedger(tmp_path, FakeClock())


def test_looks_are_counted_in_their_order(ledger: HoldOutLedger, tmp_path: Path) -> None:
    assert ledger.before(HELD, "a") == 0
    for judged in ("a", "b", "a", "c"):
        ledger.note(HELD, judged, "churn")
    again = HoldOutLedger(tmp_path, FakeClock())
    assert [again.before(HELD, judged) for judged in ("a", "b", "c", "d")] == [0, 1, 2, 3]
    assert len((tmp_path / "hold_outs" / "looks.jsonl").read_text().split()) == 3


@pytest.mark.parametrize(("first", "count"), [(1, 1), (50, 1), (88, 1), (91, 0), (150, 0)])
def test_a_look_at_more_than_a_tenth_of_the_rows_counts(ledger: HoldOutLedger, first: int, count: int) -> None:
    ledger.note(HELD, "a", "churn")
    assert ledger.before(_held(_part(first, first + 100)), "b") == count


def test_a_few_rows_of_a_large_hold_out_were_seen_with_it(ledger: HoldOutLedger) -> None:
    ledger.note(_held(ROWS), "a", "churn")
    assert ledger.before(_held(_part(10, 20)), "b") == 1


def test_the_same_file_on_newer_rows_has_chosen_nothing(ledger: HoldOutLedger) -> None:
    for first in (0, 30, 60):
        held = _held(_part(first, first + 100))
        ledger.note(held, "a", "churn")
        assert ledger.before(held, "a") == 0
    assert ledger.before(_held(_part(40, 140)), "edited") == 1


def test_rows_with_ids_are_known_by_id_time_and_target_and_not_by_their_inputs(ledger: HoldOutLedger) -> None:
    rows = replace(_part(0, 100), times=np.arange(100.0))
    ledger.note(_held(rows), "a", "churn")
    fewer = replace(rows, inputs=INPUTS[:1], frame=rows.frame[["a"]])
    assert ledger.before(_held(fewer, snapshot="other"), "b") == 1
    for other in (
        {"times": rows.times + 1.0 if rows.times is not None else None},
        {"ids": np.roll(rows.ids, 1)},
        {"target": 1 - rows.target},
    ):
        changed: dict[str, Any] = other
        assert ledger.before(_held(replace(rows, **changed)), "b") == 0, other
    assert ledger.before(_held(rows, label="paid"), "b") == 0


def test_rows_without_ids_are_known_by_their_number_in_a_snapshot_or_by_all_they_hold(ledger: HoldOutLedger) -> None:
    rows = _part(0, 100)
    ledger.note(_held(rows, has_ids=False), "a", "churn")
    fewer = replace(rows, inputs=INPUTS[:1], frame=rows.frame[["a"]])
    moved = replace(rows, ids=np.roll(rows.ids, 1))

    assert ledger.before(_held(fewer, has_ids=False), "b") == 1
    assert ledger.before(_held(moved, snapshot="other", has_ids=False), "b") == 1
    assert ledger.before(_held(fewer, snapshot="other", has_ids=False), "b") == 0
    assert ledger.before(_held(toy_rows(100, seed=5), snapshot="other", has_ids=False), "b") == 0


@pytest.mark.parametrize(("shared", "counts"), [(0.05, 0), (0.2, 1)])
def test_many_rows_are_kept_as_few_hashes(ledger: HoldOutLedger, tmp_path: Path, shared: float, counts: int) -> None:
    count = 5 * MOST_HASHES
    every = np.array([f"c{number}" for number in range(2 * count)], dtype=object)
    frame = ROWS.frame.iloc[np.zeros(count, dtype=int)].reset_index(drop=True)
    rows = TrainingRows(INPUTS, frame, np.zeros(count, dtype=np.int8), every[:count])
    start = round(count * (1 - shared))
    later = replace(rows, ids=every[start : start + count])
    ledger.note(_held(rows), "a", "churn")

    assert ledger.before(_held(later), "b") == counts
    # Few rows, whose hashes are all kept, of which three in ten, or none, are among the many.
    first = count - 90 if counts else count
    few = replace(_part(0, 300), ids=every[first : first + 300], target=rows.target[:300])
    assert ledger.before(_held(few), "b") == counts
    (kept,) = (tmp_path / "hold_outs").glob("*.npz")
    assert kept.stat().st_size < 140_000


def test_a_line_that_a_killed_process_left_is_no_look(ledger: HoldOutLedger, tmp_path: Path) -> None:
    ledger.note(HELD, "a", "churn")
    path = tmp_path / "hold_outs" / "looks.jsonl"
    path.write_bytes(path.read_bytes() + b'{"judged":"b","mod')
    ledger.note(HELD, "c", "churn")
    assert ledger.before(HELD, "d") == 2


def test_hashes_that_are_gone_still_know_the_very_rows(ledger: HoldOutLedger, tmp_path: Path) -> None:
    ledger.note(HELD, "a", "churn")
    for path in (tmp_path / "hold_outs").glob("*.npz"):
        path.write_bytes(b"PK broken")
    assert ledger.before(HELD, "b") == 1
    assert ledger.before(_held(_part(1, 101)), "b") == 0


def test_the_look_is_noted_before_it_is_taken(tmp_path: Path) -> None:
    seen: list[list[str]] = []
    told: list[TrainingRows] = []

    def before_look(held: TrainingRows) -> None:
        seen.append([path.name for path in tmp_path.glob("hold_out*")])
        told.append(held)

    result = choose(toy_rows(120), model_file(), toy_build(), tmp_path, NoProgress(), before_look)

    assert seen == [[]]
    assert list(told[0].ids) == list(result.rows.ids[result.hold_out])
