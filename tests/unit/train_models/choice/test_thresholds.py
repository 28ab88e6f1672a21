"""Thresholds, against trying every one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from headrace.models.scorer import TIE, decide
from train_models.choice.choice_spec import Threshold
from train_models.choice.thresholds import choose_threshold
from train_models.judging.metrics import metric_value

_TARGET = np.array([0, 0, 1, 0, 1, 1, 0, 1])
_SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])


def _value(name: str, threshold: float, target: Any = _TARGET, scores: Any = _SCORES) -> float:
    return metric_value(name, target, scores, threshold)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=3, max_size=40).filter(
        lambda rows: any(r[0] for r in rows)
    )
)
def test_no_threshold_is_better_by_f1_or_cost(rows: list[tuple[bool, int]]) -> None:
    target = np.array([int(is_positive) for is_positive, _ in rows])
    scores = np.array([score / 10 + 0.05 for _, score in rows])
    every = np.arange(0.0, 1.01, 0.1)
    chosen = choose_threshold(Threshold(), target, scores)
    assert _value("f1", chosen, target, scores) == pytest.approx(max(_value("f1", at, target, scores) for at in every))

    def cost(at: float) -> float:
        wrong, missed = (_value(name, at, target, scores) for name in ("false_positives", "false_negatives"))
        return wrong + 3 * missed

    by_cost = choose_threshold(Threshold(cost={"false_positive": 1, "false_negative": 3}), target, scores)
    assert cost(by_cost) == min(cost(at) for at in every)
    assert 0 < by_cost < 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(), st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]), st.sampled_from([0.0, 4e-10, 1.5e-9, 3e-9])
        ),
        min_size=1,
        max_size=12,
    ).filter(lambda rows: any(r[0] for r in rows)),
    st.floats(0.2, 5),
)
def test_what_is_counted_is_what_is_decided(rows: list[tuple[bool, float, float]], price: float) -> None:
    """No decision by any threshold costs less; scores of exactly 0 and 1, and ones that are nearly the same."""
    target = np.array([is_positive for is_positive, _, _ in rows])
    scores = np.array([score - nearly if score else nearly for _, score, nearly in rows])

    def cost(threshold: float) -> float:
        decided = decide(scores, threshold)
        return float(price * (decided & ~target).sum() + (~decided & target).sum())

    chosen = choose_threshold(Threshold(cost={"false_positive": price, "false_negative": 1}), target * 1, scores)
    ends = [0.0, *scores, 1.0]
    middles = [(one + other) / 2 for one in ends for other in ends]
    clear = [at for at in middles if 0 < at < 1 and np.abs(scores - at).min() > TIE]
    assert 0 < chosen < 1
    assert cost(chosen) <= min(map(cost, clear), default=np.inf)


def test_a_score_of_1_is_decided_positive_by_every_threshold() -> None:
    """No threshold spares the three false alarms, so that the fourth row costs nothing more."""
    target, scores = np.array([0, 0, 0, 1, 0, 0]), np.array([1.0, 1.0, 1.0, 0.4, 0.2, 0.1])
    chosen = choose_threshold(Threshold(cost={"false_positive": 5, "false_negative": 1}), target, scores)
    assert decide(scores, chosen).tolist() == [True, True, True, True, False, False]
    assert chosen == pytest.approx(0.3)


def test_scores_that_are_decided_as_one_are_counted_as_one() -> None:
    target, scores = np.array([1, 0, 0, 0]), np.array([0.5, 0.5 - 1e-9, 0.5 - 1.5e-9, 0.1])
    chosen = choose_threshold(Threshold(cost={"false_positive": 0.6, "false_negative": 1}), target, scores)
    # All three at 1.2, or none at 1: to take the first alone is not in any threshold's power.
    assert not decide(scores, chosen).any()


def test_the_f_beta_of_a_large_beta_prefers_recall() -> None:
    by_recall, by_precision = (choose_threshold(Threshold(f_beta=beta), _TARGET, _SCORES) for beta in (4, 0.2))

    assert _value("recall", by_recall) == 1
    assert _value("precision", by_precision) == 1
    assert by_recall < by_precision


def test_the_greatest_recall_at_a_precision() -> None:
    chosen = choose_threshold(Threshold(recall_at_precision=0.75), _TARGET, _SCORES)

    assert (_value("precision", chosen), _value("recall", chosen)) == (0.75, 0.75)


def test_a_precision_that_is_never_reached_says_what_is() -> None:
    scores = 1 - _SCORES
    with pytest.raises(ConfigurationError, match=r"0\.9 is never reached; the greatest precision .* is 0\.500"):
        choose_threshold(Threshold(recall_at_precision=0.9), _TARGET, scores)


def test_of_equal_thresholds_the_highest() -> None:
    target, scores = np.array([1, 0, 1]), np.array([0.2, 0.5, 0.8])
    free_of_difference = Threshold(cost={"false_positive": 1, "false_negative": 1})

    assert choose_threshold(free_of_difference, target, scores) == pytest.approx(0.65)


def test_a_rounding_error_of_a_score_decides_nothing() -> None:
    chosen = choose_threshold(Threshold(), _TARGET, _SCORES)

    assert np.abs(_SCORES - chosen).min() > 0.01


def test_where_alarms_only_cost_there_are_none() -> None:
    chosen = choose_threshold(Threshold(cost={"false_positive": 9, "false_negative": 1}), _TARGET, 1 - _SCORES)

    assert _value("true_positives", chosen, scores=1 - _SCORES) == 0
    assert _value("false_positives", chosen, scores=1 - _SCORES) == 0


def test_a_fixed_threshold_and_no_positive_rows() -> None:
    assert choose_threshold(Threshold(fixed=0.3), np.zeros(3), np.ones(3)) == 0.3
    with pytest.raises(ConfigurationError, match="no positive rows"):
        choose_threshold(Threshold(), np.zeros(3), np.ones(3) / 2)
