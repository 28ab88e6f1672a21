"""Which drops for a part of the rows are told from chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from train_models.registry.gate_spec import Gates
from train_models.registry.gates import Gate, Scored, comparison_gates
from train_models.registry.slice_gate import slice_drops

Array = np.ndarray[Any, Any]
ROWS = 1_400
MANY = {"age": 4, "region": 10}


def _sigmoid(values: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-values))
    return found


def _made(random: np.random.Generator, hurt: float = 0.0, better: float = 0.0) -> dict[str, Any]:
    """A candidate and another of independent errors, equally good but where `hurt` or `better` add to them."""
    told = random.normal(size=ROWS) * 1.6 - 1.4
    groups = []
    for name, levels in MANY.items():
        level = random.integers(0, levels, ROWS)
        groups += [(name, str(at), level == at) for at in range(levels)]
    errors = random.normal(size=ROWS) * (0.9 + hurt * groups[0][2]), random.normal(size=ROWS) * (0.9 + better)
    return {
        "target": (random.random(ROWS) < _sigmoid(told)).astype(np.int8),
        "candidate": (_sigmoid(told + errors[0]), 0.5),
        "other": (_sigmoid(told + errors[1]), 0.5),
        "groups": groups,
    }


def _gate(made: dict[str, Any], slice_drop: float = 0.02, **more: Any) -> Gate | None:
    own, other = Scored("candidate", *made["candidate"]), Scored("version 1", *made["other"])
    gates = Gates(slice_drop=slice_drop)
    found = comparison_gates(gates, "roc_auc", "classification", made["target"], own, other, made["groups"], **more)
    return next((gate for gate in found if gate.name == "slices"), None)


def test_equal_models_are_seldom_refused_for_one_of_many_groups() -> None:
    """By the difference alone half of them would be."""
    random, refused, by_value, runs = np.random.default_rng(1), 0, 0, 30
    for _ in range(runs):
        drops = slice_drops("roc_auc", "classification", **_made(random), draws=200)
        refused += any(each.is_clear(0.02) for each in drops)
        by_value += any(each.drop > 0.02 for each in drops)
    assert refused / runs <= 0.1
    assert by_value / runs > 0.4


def test_a_group_that_fell_much_is_found() -> None:
    random, found, runs = np.random.default_rng(2), 0, 20
    for _ in range(runs):
        made = _made(random, hurt=2.5)
        first = slice_drops("roc_auc", "classification", **made, draws=200)[0]
        found += (first.input, first.group) == ("age", "0") and first.is_clear(0.02)
    assert found >= 0.8 * runs


def test_it_says_what_fell_and_how_surely() -> None:
    made = _made(np.random.default_rng(3), hurt=6.0)
    first = next(each for each in slice_drops("roc_auc", "classification", **made) if each.group == "0")
    gate = _gate(made)
    assert gate is not None and gate.passed is False
    assert f"age 0: {first.own:.4f}, was {first.before:.4f} ({first.rows} rows, down {first.drop:.4f}" in gate.detail
    assert 0 < first.surely < first.drop
    generous = _gate(made, slice_drop=first.drop)
    assert generous is not None and generous.passed, "the file allows it"
    assert generous.detail == f"none of 14 is clearly worse by more than {first.drop:g}"


def test_more_groups_ask_for_more() -> None:
    made = _made(np.random.default_rng(4), hurt=1.0)
    of_many = slice_drops("roc_auc", "classification", **made)[0]
    alone = slice_drops("roc_auc", "classification", **{**made, "groups": made["groups"][:1]})[0]
    assert of_many.drop == alone.drop and of_many.surely < alone.surely


def test_that_nothing_could_be_judged_is_told_and_decides_nothing() -> None:
    made = _made(np.random.default_rng(5), hurt=6.0)
    few = np.arange(ROWS) < 40
    small = _gate({**made, "groups": [("city", "Bern", few), ("city", "Olten", few)]})
    assert small == Gate("slices", None, "none of 2 groups has rows enough to be judged")
    some = _gate({**made, "groups": [*made["groups"][1:], ("city", "Bern", few)]})
    assert some is not None and some.passed and some.detail.endswith("; 1 more can't be judged")
    assert _gate({**made, "groups": []}) is None


def test_an_error_that_grew_is_a_share_of_what_it_was() -> None:
    random = np.random.default_rng(6)
    target = random.normal(100, 20, ROWS)
    mask = np.arange(ROWS) < 700
    before, noise = random.normal(0, 4, ROWS), random.normal(0, 1, ROWS)
    groups = [("half", "first", mask), ("half", "second", ~mask)]
    worse = target + np.where(mask, 1.5 * before, before + 0.01 * noise)
    (first, second) = slice_drops("rmse", "regression", target, (worse, None), (target + before, None), groups)
    assert first.drop == pytest.approx(0.5) and first.is_clear(0.4) and not first.is_clear(0.6)
    assert not second.is_clear(0.0)


def test_rows_that_hang_together_are_drawn_together() -> None:
    """A group of forty customers of whom a few fell much, each many times over."""
    random = np.random.default_rng(7)
    target = np.repeat(random.normal(size=40), 20)
    error = np.repeat(random.normal(size=40), 20)
    other = np.repeat(random.normal(size=40) * 0.85, 20)
    versions = (target + error, None), (target + other, None)
    everyone = [("site", "main", np.ones(800, dtype=bool))]
    (row_by_row,) = slice_drops("mae", "regression", target, *versions, everyone)
    (together,) = slice_drops("mae", "regression", target, *versions, everyone, np.repeat(np.arange(40), 20))
    assert row_by_row.drop == together.drop > 0
    assert row_by_row.is_clear(0.02) and not together.is_clear(0.02)
