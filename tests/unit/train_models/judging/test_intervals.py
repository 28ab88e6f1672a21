"""Bootstrap intervals: equal to metrics of drawn rows, to scipy's, and right about how often they hold the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, norm
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from headrace.models.manifest import Task
from train_models.judging.intervals import drawn_metrics, hold_out_intervals
from train_models.judging.metrics import metric_value, names_of
from train_models.judging.resampling import clusters_of, drawn_counts
from train_models.judging.weighted_metrics import WeightedMetrics
from train_models.training_result import TrainingRows


def _churn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    target = (random.random(rows) < 0.3).astype(np.int8)
    return target, np.round(1 / (1 + np.exp(1 - 1.5 * target - random.normal(size=rows))), 2)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_that_a_draw_gives_the_metrics_of_the_rows_drawn(task: Task) -> None:
    target, scores = _churn(151, seed=1)
    if task == "regression":
        target = np.random.default_rng(2).normal(size=151)
    counts = next(drawn_counts(target, task == "classification", 20, seed=3))
    names = names_of(task)
    found = WeightedMetrics(target, scores, 0.4).values(names, counts)
    for draw, row in zip(counts, found, strict=True):
        drawn = np.repeat(np.arange(151), draw.astype(int))
        expected = [metric_value(name, target[drawn], scores[drawn], 0.4) for name in names]
        assert row == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_that_draws_keep_the_classes_and_depend_on_the_seed_alone() -> None:
    target, _ = _churn(300, seed=4)
    blocks = list(drawn_counts(target, True, 500, seed=5))
    counts = np.concatenate(blocks)
    assert counts.shape == (500, 300)
    assert set(counts[:, target == 1].sum(axis=1)) == {target.sum()}
    assert np.array_equal(counts, np.concatenate(list(drawn_counts(target, True, 500, seed=5))))
    assert not np.array_equal(counts, np.concatenate(list(drawn_counts(target, True, 500, seed=6))))


def test_that_an_interval_is_scipys() -> None:
    target, scores = _churn(400, seed=7)
    found = hold_out_intervals("classification", target, scores, 0.4, draws=4_000)["roc_auc"]

    def auc(positive: np.ndarray, negative: np.ndarray) -> float:
        classes = [np.ones(len(positive)), np.zeros(len(negative))]
        return float(roc_auc_score(np.concatenate(classes), np.concatenate([positive, negative])))

    classes = (scores[target == 1], scores[target == 0])
    expected = bootstrap(classes, auc, method="percentile", n_resamples=1_000, vectorized=False, rng=8)
    assert found.value == pytest.approx(auc(*classes))
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.006)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.006)


def test_that_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(9), 0
    for _ in range(300):
        target = random.normal(size=150)
        scores = target + random.normal(size=150)
        interval = hold_out_intervals("regression", target, scores, names=("mse",), draws=400)["mse"]
        held += interval.low <= 1.0 <= interval.high
    assert 0.88 <= held / 300 <= 0.98


def test_that_what_the_rows_do_not_tell_has_no_interval() -> None:
    found = hold_out_intervals("classification", np.zeros(30, dtype=np.int8), np.linspace(0, 1, 30), draws=50)
    assert np.isnan([found["roc_auc"].value, found["roc_auc"].low, found["roc_auc"].high]).all()
    assert found["brier"].low < found["brier"].value < found["brier"].high


def test_that_clusters_are_drawn_as_wholes_and_some_with_a_positive() -> None:
    target, _ = _churn(300, seed=9)
    clusters = np.random.default_rng(9).permutation(np.arange(300) % 60)
    counts = np.concatenate(list(drawn_counts(target, True, 200, seed=5, clusters=clusters)))
    assert counts.shape == (200, 300)
    for cluster in range(60):
        of_cluster = counts[:, clusters == cluster]
        assert (of_cluster == of_cluster[:, :1]).all(), "a customer is drawn with all rows"
    first = np.unique(clusters, return_index=True)[1]
    assert (counts[:, first].sum(axis=1) == 60).all()
    positive = [target[clusters == cluster].any() for cluster in range(60)]
    assert (counts[:, first][:, positive].sum(axis=1) == sum(positive)).all()


def test_that_clusters_of_one_row_change_nothing() -> None:
    target, _ = _churn(100, seed=9)
    plain, alone = (next(drawn_counts(target, True, 20, 5, each)) for each in (None, np.arange(100)))
    assert np.array_equal(plain, alone)


@pytest.mark.parametrize(
    ("ids", "groups", "expected"),
    [("abcd", None, None), ("abca", None, [0, 1, 2, 0]), ("abcd", "xxyy", [0, 0, 1, 1]), ("aabb", "wxyz", None)],
)
def test_that_rows_of_a_group_or_of_an_id_hang_together(
    ids: str, groups: str | None, expected: list[int] | None
) -> None:
    named = None if groups is None else np.array(list(groups), dtype=object)
    rows = TrainingRows((), pd.DataFrame(index=range(4)), np.zeros(4), np.array(list(ids), dtype=object), None, named)
    found = clusters_of(rows)
    assert (None if found is None else found.tolist()) == expected


def test_that_an_interval_of_clusters_holds_the_truth_about_as_often_as_it_says() -> None:
    random, held, alone, runs = np.random.default_rng(9), 0, 0, 200
    clusters = np.repeat(np.arange(60), 5)
    for _ in range(runs):
        target = np.zeros(300)
        scores = np.repeat(random.normal(size=60), 5)
        whole = {"names": ("mse",), "draws": 300}
        interval = hold_out_intervals("regression", target, scores, clusters=clusters, **whole)["mse"]  # type: ignore[arg-type]
        row_by_row = hold_out_intervals("regression", target, scores, **whole)["mse"]  # type: ignore[arg-type]
        held += interval.low <= 1.0 <= interval.high
        alone += row_by_row.low <= 1.0 <= row_by_row.high
    assert held / runs >= 0.87
    assert alone / runs < 0.75


def test_that_an_interval_of_few_clusters_is_wider_than_its_draws() -> None:
    """By Student's t of 7 degrees of freedom and 8/7 of the variance, of a metric whose draws are about normal."""
    random, clusters = np.random.default_rng(10), np.repeat(np.arange(8), 50)
    scores = np.repeat(random.uniform(0.9, 1.1, size=8), 50)
    whole = {"names": ("mae",), "draws": 20_000}
    found = hold_out_intervals("regression", np.zeros(400), scores, clusters=clusters, **whole)["mae"]  # type: ignore[arg-type]
    drawn = drawn_metrics("regression", np.zeros(400), scores, None, ("mae",), 20_000, 0, clusters)
    low, high = np.quantile(drawn, [0.025, 0.975])
    expected = student.ppf(0.975, 7) * np.sqrt(8 / 7) / norm.ppf(0.975)
    assert (found.high - found.low) / (high - low) == pytest.approx(expected, rel=0.1)
