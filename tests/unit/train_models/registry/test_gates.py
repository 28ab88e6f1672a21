"""Which candidates the gates let through, on scores that are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace.errors import ConfigurationError
from headrace.models.inputs import Input
from train_models.registry.gate_spec import Gates
from train_models.registry.gates import Verdict
from train_models.registry.hold_out import HoldOut, row_contents, row_ids
from train_models.registry.judge_candidate import Champion, judge_candidate
from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]
ROWS = 400
_INPUTS = (Input("age", "number"), Input("plan", "category"))


def _rows(rows: int = ROWS, seed: int = 0) -> TrainingRows:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"age": random.normal(40, 10, rows), "plan": random.choice(["basic", "gold"], rows).astype(object)}
    )
    target = (random.random(rows) < 0.4).astype(np.int8)
    return TrainingRows(_INPUTS, frame, target, np.array([f"c{seed}-{at}" for at in range(rows)], dtype=object))


def _scores(target: Array, strength: float, seed: int) -> Array:
    """Nearer to the target with more strength."""
    noise = np.random.default_rng(seed).normal(0, 1, len(target))
    scores: Array = 1 / (1 + np.exp(-(strength * (target - 0.5) + noise)))
    return scores


def _hold_out(
    rows: TrainingRows, scores: Array, fitted: TrainingRows, baseline: float = 0.0, has_ids: bool = True
) -> HoldOut:
    found = {"boosted": scores, "majority": np.full(len(rows), 0.4), "linear": _scores(rows.target, baseline, 9)}
    contents = row_contents(fitted)
    return HoldOut(rows, found, "roc_auc", "boosted", 0.5, has_ids, frozenset(row_ids(fitted)), contents)


def _judge(
    strength: float, before: float, gates: Gates | None = None, slices: tuple[str, ...] = (), seed: int = 3
) -> Verdict:
    rows = _rows()
    candidate = _hold_out(rows, _scores(rows.target, strength, 1), _rows(seed=5))
    champion = Champion("version 1", lambda frame: _scores(rows.target, before, seed), 0.5, candidate)
    return judge_candidate(gates or Gates(), "classification", slices, candidate, champion)


def test_one_that_is_clearly_better_passes() -> None:
    verdict = _judge(strength=3.0, before=1.0)
    assert verdict.passed, verdict
    assert "p = 0.00" in verdict.gates[1].detail and "400 rows" in verdict.gates[1].detail


def test_one_that_is_worse_or_as_good_does_not() -> None:
    assert _judge(strength=1.0, before=3.0).failed == ("better than version 1",)
    assert _judge(strength=2.0, before=2.0, seed=1).failed == ("better than version 1",)


def test_better_by_chance_is_not_better() -> None:
    verdict = _judge(strength=2.05, before=2.0)
    assert not verdict.passed


def test_the_significance_is_the_files() -> None:
    """Of 40 rows' worth of evidence: enough for a lenient file, not for a strict one."""
    lenient, strict = Gates(alpha=0.5), Gates(alpha=0.0001)
    assert _judge(2.3, 2.0, lenient).gates[1].passed and not _judge(2.3, 2.0, strict).gates[1].passed


def test_one_that_fails_a_slice_does_not_pass_although_it_is_better_over_all() -> None:
    rows = _rows()
    gold = (rows.frame["plan"] == "gold").to_numpy()
    scores = _scores(rows.target, 9.0, 1)
    scores[gold] = _scores(rows.target, 0.9, 2)[gold]
    candidate = _hold_out(rows, scores, _rows(seed=5))
    champion = Champion("version 1", lambda frame: _scores(rows.target, 1.5, 3), 0.5, candidate)
    verdict = judge_candidate(Gates(), "classification", ("plan",), candidate, champion)
    assert verdict.failed == ("slices",)
    assert "plan gold" in verdict.gates[-1].detail and "plan basic" not in verdict.gates[-1].detail
    generous = judge_candidate(Gates(slice_drop=0.5), "classification", ("plan",), candidate, champion)
    assert generous.passed


def test_least_values_are_of_the_hold_out_and_most_values_of_errors() -> None:
    gates = Gates(least={"roc_auc": 0.99, "log_loss": 0.01, "brier": 0.9})
    assert _judge(3.0, 1.0, gates).failed == ("least roc_auc", "most log_loss")
    assert _judge(3.0, 1.0, Gates(least={"roc_auc": 0.7})).passed


def test_the_first_version_must_beat_what_knows_nothing() -> None:
    rows, fitted = _rows(), _rows(seed=5)
    noise = _hold_out(rows, _scores(rows.target, 0.0, 1), fitted)
    assert "better than baseline majority" in judge_candidate(Gates(), "classification", (), noise, None).failed
    strong = _hold_out(rows, _scores(rows.target, 3.0, 1), fitted, baseline=1.0)
    assert judge_candidate(Gates(), "classification", (), strong, None).passed


def test_the_first_version_must_not_be_worse_than_a_straight_line() -> None:
    rows, fitted = _rows(), _rows(seed=5)
    weak = _hold_out(rows, _scores(rows.target, 1.0, 1), fitted, baseline=3.0)
    assert judge_candidate(Gates(), "classification", (), weak, None).failed == ("not worse than baseline linear",)
    as_good = _hold_out(rows, _scores(rows.target, 3.0, 1), fitted, baseline=3.0)
    assert judge_candidate(Gates(), "classification", (), as_good, None).passed


def test_rows_that_the_champion_was_fitted_on_do_not_count() -> None:
    """It has them by heart: on them nobody could be better."""
    rows = _rows()
    half = np.arange(ROWS) < ROWS // 2
    candidate = _hold_out(rows, _scores(rows.target, 3.0, 1), _rows(seed=5))
    seen: list[int] = []

    def score(frame: pd.DataFrame) -> Array:
        seen.append(len(frame))
        known = _scores(rows.target, 1.0, 3)
        known[half] = rows.target[half]
        wanted: Array = known[np.asarray(frame.index)]
        return wanted

    for has_ids in (True, False):
        fitted = rows.take(np.flatnonzero(half))
        # By its id alone, as what is known of it changed; or by its content alone.
        frame = fitted.frame.assign(age=fitted.frame["age"] + 1) if has_ids else fitted.frame
        fitted = TrainingRows(fitted.inputs, frame, fitted.target, fitted.ids if has_ids else np.arange(len(fitted)))
        own = _hold_out(_rows(seed=7), _scores(_rows(seed=7).target, 1.0, 1), fitted, has_ids=has_ids)
        verdict = judge_candidate(Gates(), "classification", (), candidate, Champion("version 1", score, 0.5, own))
        assert verdict.passed, verdict
        assert verdict.gates[0].detail == "200 of 400 hold-out rows; 200 that version 1 was fitted on don't count"
    assert seen == [200, 200]


def test_where_the_champion_knows_all_rows_nothing_is_better() -> None:
    rows = _rows()
    candidate = _hold_out(rows, _scores(rows.target, 3.0, 1), _rows(seed=5))
    own = _hold_out(_rows(seed=7), _scores(_rows(seed=7).target, 1.0, 1), rows)
    champion = Champion("version 1", lambda frame: np.zeros(len(frame)), 0.5, own)
    verdict = judge_candidate(Gates(), "classification", (), candidate, champion)
    assert verdict.failed == ("better than version 1",) and "0 rows to compare on" in verdict.gates[-1].detail


def test_a_champion_that_knows_all_rows_is_not_even_asked() -> None:
    """Some of scikit-learn's can't score no rows at all."""
    rows = _rows()
    candidate = _hold_out(rows, _scores(rows.target, 3.0, 1), _rows(seed=5))
    own = _hold_out(_rows(seed=7), _scores(_rows(seed=7).target, 1.0, 1), rows)

    def score(frame: pd.DataFrame) -> Array:
        raise ValueError("Found array with 0 sample(s)")

    verdict = judge_candidate(Gates(), "classification", (), candidate, Champion("version 1", score, 0.5, own))
    assert verdict.failed == ("better than version 1",) and "0 rows to compare on" in verdict.gates[-1].detail


def test_a_slice_that_the_candidate_does_not_have_is_named() -> None:
    rows = _rows()
    candidate = _hold_out(rows, _scores(rows.target, 3.0, 1), _rows(seed=5))
    champion = Champion("version 1", lambda frame: _scores(rows.target, 1.0, 3), 0.5, candidate)
    verdict = judge_candidate(Gates(), "classification", ("plan", "region"), candidate, champion)
    (gate,) = [each for each in verdict.gates if "can't be judged" in each.name]
    assert verdict.passed and "region" in gate.detail and "plan" not in gate.detail


def _by_customer(rows: TrainingRows, times: int, **changed: Any) -> TrainingRows:
    at = np.repeat(np.arange(len(rows)), times)
    taken = rows.take(at)
    # Other contents, as of other days, and ids that repeat.
    return replace(taken, frame=taken.frame.assign(age=taken.frame["age"] + 0.001 * np.arange(len(at))), **changed)


def _eightfold(kind: str) -> tuple[TrainingRows, TrainingRows]:
    """120 customers eight times: as rows for themselves, and as rows of customers, by their ids or their groups."""
    few, alone = _rows(120), np.arange(960).astype(str)
    customers = np.repeat(np.arange(120), 8).astype(str)
    together = {} if kind == "ids" else {"ids": alone, "groups": customers}
    return _by_customer(few, 8, ids=alone), _by_customer(few, 8, **together)


def _is_better(rows: TrainingRows, scores: Array, before: Array | None) -> tuple[bool | None, str]:
    candidate = _hold_out(rows, scores, _rows(seed=5))
    champion = None if before is None else Champion("version 1", lambda frame: before, 0.5, candidate)
    gates = judge_candidate(Gates(), "classification", (), candidate, champion).gates
    return next(gate.passed for gate in gates if gate.name.startswith("better")), gates[0].detail


@pytest.mark.parametrize("kind", ["ids", "groups"])
def test_rows_that_hang_together_are_not_evidence_each(kind: str) -> None:
    """No more is known of two models from each customer eight times than once."""
    target = _rows(120).target
    scores, before = (np.repeat(_scores(target, strength, seed), 8) for strength, seed in ((1.2, 1), (1.1, 3)))
    (alone, _), (together, told) = (_is_better(rows, scores, before) for rows in _eightfold(kind))
    assert (alone, together) == (True, False)
    assert told == "960 of 960 hold-out rows of 120 groups, which are drawn as wholes"


def test_nor_are_they_for_a_first_version() -> None:
    scores = np.repeat(_scores(_rows(120).target, 0.2, 6), 8)
    assert [_is_better(rows, scores, None)[0] for rows in _eightfold("groups")] == [True, False]


def test_few_groups_with_many_rows_are_too_few() -> None:
    rows = replace(_rows(), groups=(np.arange(ROWS) % 4).astype(str))
    candidate = _hold_out(rows, _scores(rows.target, 3.0, 1), _rows(seed=5))
    champion = Champion("version 1", lambda frame: _scores(rows.target, 1.0, 3), 0.5, candidate)
    verdict = judge_candidate(Gates(), "classification", (), candidate, champion)
    assert verdict.failed == ("better than version 1",)
    assert verdict.gates[-1].detail == "groups with rows of each class: 4, and 5 are needed"


def test_a_champion_whose_rows_are_not_known_is_not_beaten() -> None:
    rows = _rows()
    candidate = _hold_out(rows, _scores(rows.target, 3.0, 1), _rows(seed=5), has_ids=False)
    unknown = Champion("version 1", lambda frame: np.zeros(len(frame)), 0.5, None)
    assert "isn't known here" in judge_candidate(Gates(), "classification", (), candidate, unknown).gates[-1].detail
    fewer = rows.frame[["age"]]
    fitted = TrainingRows(_INPUTS[:1], fewer, rows.target, np.arange(ROWS))
    other = HoldOut(fitted, {}, "roc_auc", "boosted", 0.5, False, frozenset(), row_contents(fitted))
    verdict = judge_candidate(
        Gates(), "classification", (), candidate, Champion("version 1", unknown.score, 0.5, other)
    )
    assert "can't be told" in verdict.gates[-1].detail and not verdict.passed


def test_a_champion_that_cannot_score_is_not_beaten() -> None:
    rows = _rows()
    candidate = _hold_out(rows, _scores(rows.target, 3.0, 1), _rows(seed=5))

    def score(frame: pd.DataFrame) -> Array:
        raise ConfigurationError("model.onnx was changed")

    verdict = judge_candidate(Gates(), "classification", (), candidate, Champion("version 1", score, 0.5, candidate))
    assert not verdict.passed and "model.onnx was changed" in verdict.gates[-1].detail


@pytest.mark.parametrize("better", [True, False])
def test_an_error_is_better_when_it_is_less(better: bool) -> None:
    random = np.random.default_rng(4)
    rows = _rows()
    target = random.normal(100, 20, ROWS)
    rows = TrainingRows(rows.inputs, rows.frame, target, rows.ids)
    near, far = target + random.normal(0, 3, ROWS), target + random.normal(0, 9, ROWS)
    own, before = (near, far) if better else (far, near)
    candidate = HoldOut(rows, {"ridge": own}, "rmse", "ridge", None, True, frozenset(), row_contents(_rows(seed=5)))
    champion = Champion("version 1", lambda frame: before, None, candidate)
    verdict = judge_candidate(Gates(), "regression", ("plan",), candidate, champion)
    assert verdict.passed is better
    if not better:
        assert verdict.failed == ("better than version 1", "slices")
