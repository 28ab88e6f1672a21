"""What makes a model look better than it is, is found; what only is good, is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.data.making import prepared
from train_models.data.leak_scan import Finding, leak_scan, refuse_leaks

COUNT = 400
CHANCE = np.random.default_rng(5)
TRUTH = CHANCE.random(COUNT) < 0.3
LABELS = np.where(TRUTH, "yes", "no").tolist()
NOISE = CHANCE.normal(size=COUNT)


def scan(folder: Path, kind: Any, values: Any, task: str = "classification", **more: Any) -> tuple[Finding, ...]:
    table = {"x": list(values), "noise": NOISE.tolist(), "y": LABELS, **more}
    spec = {"kind": kind, "nullable": True} if isinstance(kind, str) else kind
    named = {name: name for name in ("time", "group") if name in more}
    rows = prepared(folder, table, {"x": spec, "noise": "number"}, task=task, **named).rows
    return leak_scan(rows, "regression" if task == "regression" else "classification")


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.severity, one.feature) for one in findings]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", TRUTH * 2.0 + CHANCE.normal(0, 0.1, COUNT)),
        ("number", [None if truth else 1.0 for truth in TRUTH]),
        ("number", np.where(TRUTH, CHANCE.choice([1.0, 9.0], COUNT), 5.0)),
        ("boolean", TRUTH.tolist()),
        ("category", np.where(TRUTH, CHANCE.choice(["refund", "lost"], COUNT), "kept").tolist()),
        ("text", ["has left us" if truth else "is still here" for truth in TRUTH]),
    ],
)
def test_a_planted_leak_is_refused(tmp_path: Path, kind: str, values: Any) -> None:
    found = scan(tmp_path, kind, values)

    assert kinds(found) == [("predicts_alone", "refuse", "x")]
    with pytest.raises(
        ConfigurationError, match=r"'x' alone predicts the label \(ROC-AUC .* data\.accept: \{x: the reason\}"
    ):
        refuse_leaks(found, {})
    refuse_leaks(found, {"x": "it is known before"})
    with pytest.raises(ConfigurationError, match="'x' alone"):
        refuse_leaks(found, {"noise": "another one"})


def test_a_good_feature_is_none(tmp_path: Path) -> None:
    assert scan(tmp_path, "number", TRUTH * 2.0 + CHANCE.normal(0, 0.7, COUNT)) == ()


def test_a_leak_into_a_number_is_refused(tmp_path: Path) -> None:
    prices = CHANCE.lognormal(size=COUNT)
    exact = scan(tmp_path, "number", np.log(prices), "regression", y=prices.tolist())
    related = scan(tmp_path, "number", np.log(prices) + CHANCE.normal(0, 0.5, COUNT), "regression", y=prices.tolist())

    assert related == ()
    assert kinds(exact) == [("predicts_alone", "refuse", "x")]


def test_ids_are_refused(tmp_path: Path) -> None:
    assert kinds(scan(tmp_path, "category", [f"c{number}" for number in range(COUNT)])) == [("id_like", "refuse", "x")]
    assert kinds(scan(tmp_path, "text", [f"c{number}" for number in range(COUNT)])) == [("id_like", "refuse", "x")]
    assert kinds(scan(tmp_path, "number", np.arange(COUNT) * 3 + 7)) == [("id_like", "refuse", "x")]


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        (np.arange(COUNT, 0, -1), "refuse"),
        (np.arange(COUNT, 0, -1) * 1_000, "refuse"),
        (CHANCE.permutation(COUNT), "refuse"),
        (CHANCE.permutation(COUNT * 5)[:COUNT], "refuse"),
        ([None, *CHANCE.permutation(COUNT - 1).tolist()], "refuse"),
        (CHANCE.permutation(10_000_000)[:COUNT], "warn"),
    ],
)
def test_whole_numbers_that_are_all_different_are_ids_where_chance_would_repeat_some(
    tmp_path: Path, values: Any, severity: str
) -> None:
    assert kinds(scan(tmp_path, "number", values)) == [("id_like", severity, "x")]


@pytest.mark.parametrize("kind", ["category", "text", "number"])
def test_an_id_that_is_the_same_at_all_cuts_of_its_entity_is_refused(tmp_path: Path, kind: str) -> None:
    ids = CHANCE.permutation(COUNT // 4)
    values = [number if kind == "number" else f"c{number}" for number in np.repeat(ids, 4).tolist()]
    groups = [f"g{number}" for number in np.repeat(ids, 4)]

    (found,) = scan(tmp_path / "ids", kind, values, group=groups)

    assert (found.kind, found.severity, found.feature) == ("id_like", "refuse", "x")
    assert "another" in found.message and "in each group" in found.message
    of_four = [number // 4 if kind == "number" else f"c{number // 4}" for number in np.repeat(ids, 4).tolist()]
    assert scan(tmp_path / "shared", kind, of_four, group=groups) == ()


def test_it_says_where_it_did_not_look(tmp_path: Path) -> None:
    few = prepared(tmp_path, {"x": [*range(0, 80, 2), *range(40)][:40], "y": LABELS[:40]}, {"x": "number"}).rows
    labels = ["yes"] * 9 + ["no"] * (COUNT - 9)

    (short,) = leak_scan(few, "classification")
    (rare,) = scan(tmp_path, "number", CHANCE.normal(size=COUNT), y=labels)

    assert (short.kind, short.severity) == (rare.kind, rare.severity) == ("too_few_rows", "warn")
    assert short.message.startswith("40 rows are too few to look for ids")
    assert rare.message.startswith("a class has 9 rows, too few")


def test_prose_and_numbers_that_only_happen_to_differ_are_no_ids(tmp_path: Path) -> None:
    assert scan(tmp_path, "text", [f"order {number} was late" for number in range(COUNT)]) == ()
    assert scan(tmp_path, "number", CHANCE.permutation(COUNT) // 2) == ()
    assert scan(tmp_path, "number", CHANCE.integers(0, 1_000, COUNT)) == ()
    assert scan(tmp_path, "number", CHANCE.permutation(COUNT) + 0.5) == ()


def test_a_constant_is_told(tmp_path: Path) -> None:
    for kind, values in (("number", [3.0] * COUNT), ("number", [None] * COUNT), ("category", [None] * COUNT)):
        assert kinds(scan(tmp_path, kind, values)) == [("constant", "warn", "x")]


def test_a_feature_from_after_the_rows_time_is_refused(tmp_path: Path) -> None:
    day = 86_400_000_000
    times = [1_700_000_000_000_000 + number % 50 * day for number in range(COUNT)]
    later = [time + (day if number == 9 else -day) for number, time in enumerate(times)]

    found = scan(tmp_path, "time", later, time=times)

    assert kinds(found) == [("from_the_future", "refuse", "x")]
    assert "in 1 rows" in found[0].message
    assert scan(tmp_path, "time", times, time=times) == ()


def test_duplicates_are_counted_and_those_of_one_group_do_not_cross(tmp_path: Path) -> None:
    """Rows 0 to 9 are there twice, of which row 0 has another label the second time."""
    table = {
        "x": [*range(40), *range(10)],
        "y": ["yes", *["no"] * 39, "no", *["no"] * 9],
        "group": [*range(40), *range(9), 99],
    }
    inputs = {"x": "number"}

    (_, found) = leak_scan(prepared(tmp_path, table, inputs).rows, "classification")
    (_, grouped) = leak_scan(prepared(tmp_path, table, inputs, group="group").rows, "classification")

    assert found.severity == "warn"
    assert found.message.startswith("9 rows are exact duplicates")
    assert "1 sets of rows with equal inputs have different labels" in found.message
    assert grouped.message.startswith("1 rows are exact duplicates")
    assert "0 sets" in grouped.message


def test_it_finds_the_same_every_time(tmp_path: Path) -> None:
    values = TRUTH * 2.0 + CHANCE.normal(0, 0.1, COUNT)

    assert scan(tmp_path / "a", "number", values) == scan(tmp_path / "b", "number", values)
