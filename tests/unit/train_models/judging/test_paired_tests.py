"""Paired tests: published and hand-made values, and how often they cry wolf where nothing differs."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from train_models.judging.paired_tests import compare_decisions, corrected_resampled_t, mcnemar, paired_bootstrap


def test_that_the_corrected_t_without_overlap_is_the_paired_t() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(0.85, 0.01, 10), random.normal(0.84, 0.01, 10)
    found, expected = corrected_resampled_t("roc_auc", first, second, test_share=0.0), ttest_rel(first, second)
    interval = expected.confidence_interval()
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_that_the_correction_widens_by_the_share_that_tests() -> None:
    first, second = np.array([0.86, 0.85, 0.88, 0.84, 0.87]), np.array([0.84, 0.85, 0.85, 0.83, 0.86])
    plain = corrected_resampled_t("roc_auc", first, second, test_share=0.0)
    found = corrected_resampled_t("roc_auc", first, second, test_share=0.2)
    assert found.high - found.low == pytest.approx((plain.high - plain.low) * np.sqrt((1 / 5 + 0.25) / (1 / 5)))
    assert found.p_value > plain.p_value


def test_that_a_lower_error_is_a_gain() -> None:
    first, second = np.array([43.0, 44.0, 43.5]), np.array([47.0, 47.8, 47.4])
    found = corrected_resampled_t("rmse", first, second, test_share=1 / 3)
    assert found.difference < 0 < found.gain
    assert found.is_better()
    assert not found.is_worse()
    assert corrected_resampled_t("rmse", second, first, test_share=1 / 3).is_worse()


def test_that_candidates_that_differ_in_nothing_are_not_better() -> None:
    same = np.array([0.8, 0.9, 0.85])
    found = corrected_resampled_t("f1", same, same, test_share=0.2)
    assert (found.difference, found.p_value, found.is_better()) == (0.0, 1.0, False)
    assert not corrected_resampled_t("f1", same[:1], same[:1] - 0.1, test_share=0.2).is_better()


def test_that_the_corrected_t_rarely_cries_wolf_where_the_plain_one_often_does() -> None:
    """Two ridge fits that differ only by noise features are equally good; their folds' differences hang together."""
    random, corrected, plain = np.random.default_rng(2), 0, 0
    runs, rows, repeats = 300, 60, 10
    for _ in range(runs):
        design = random.normal(size=(rows, 2, 8))
        target = random.normal(size=rows)
        differences = np.array([_difference(design, target, random) for _ in range(5 * repeats)])
        zero = np.zeros(len(differences))
        corrected += corrected_resampled_t("mse", differences, zero, test_share=0.2).p_value < 0.05
        plain += corrected_resampled_t("mse", differences, zero, test_share=0.0).p_value < 0.05
    assert corrected / runs <= 0.09
    assert plain / runs > 0.2


def _difference(design: np.ndarray, target: np.ndarray, random: np.random.Generator) -> float:
    order = random.permutation(len(target))
    test, train = order[: len(order) // 5], order[len(order) // 5 :]
    errors = []
    for which in (0, 1):
        inputs = design[:, which]
        weights = np.linalg.solve(inputs[train].T @ inputs[train] + np.eye(8), inputs[train].T @ target[train])
        errors.append(float(np.mean((target[test] - inputs[test] @ weights) ** 2)))
    return errors[0] - errors[1]


def _decisions(both: int, first: int, second: int, none: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, all positive, that both, only one or none of two models have right."""
    one = np.repeat([True, True, False, False], [both, first, second, none])
    other = np.repeat([True, False, True, False], [both, first, second, none])
    return np.ones(len(one), dtype=np.int8), one, other


def test_that_mcnemar_is_exact_where_few_differ() -> None:
    found = mcnemar(*_decisions(80, 9, 1, 10))
    assert found.p_value == pytest.approx(22 / 1024)
    assert found.difference == pytest.approx(0.08)
    assert found.is_better()


def test_that_mcnemar_is_edwards_where_many_differ() -> None:
    """Edwards' corrected chi-squared of 59 against 121 is 20.67, as in the usual worked example of the test."""
    found = mcnemar(*_decisions(101, 59, 121, 33))
    assert found.p_value == pytest.approx(5.45e-06, rel=0.01)
    assert found.is_worse()


def test_that_mcnemar_of_equal_decisions_finds_nothing() -> None:
    assert mcnemar(*_decisions(10, 0, 0, 3)).p_value == 1.0


def test_that_the_paired_bootstrap_finds_a_real_difference_and_its_interval_agrees() -> None:
    random = np.random.default_rng(3)
    target = (random.random(800) < 0.3).astype(np.int8)
    good, poor = target + random.normal(size=800), target + 3 * random.normal(size=800)
    found = paired_bootstrap("roc_auc", "classification", target, good, poor, draws=1_000)
    assert found.is_better()
    assert 0 < found.low < found.difference < found.high
    worse = paired_bootstrap("roc_auc", "classification", target, poor, good, draws=1_000)
    assert worse.is_worse()
    assert worse.difference == pytest.approx(-found.difference)


def test_that_the_paired_bootstrap_is_sharper_than_two_intervals() -> None:
    """A small but steady gain is found since both models get the same draws."""
    random = np.random.default_rng(4)
    target = random.normal(size=400)
    noise = random.normal(size=400)
    found = paired_bootstrap("rmse", "regression", target, target + noise, target + 1.05 * noise, draws=1_000)
    assert found.is_better()


def test_that_the_paired_bootstrap_cries_wolf_as_often_as_it_says() -> None:
    random, found = np.random.default_rng(5), 0
    for seed in range(300):
        target = (random.random(200) < 0.4).astype(np.int8)
        first, second = (target + 1.5 * random.normal(size=200) for _ in range(2))
        test = paired_bootstrap("roc_auc", "classification", target, first, second, draws=300, seed=seed)
        found += test.p_value < 0.05
    assert 0.015 <= found / 300 <= 0.09


def test_that_equal_models_are_never_better() -> None:
    target = np.arange(50) % 2
    found = paired_bootstrap("brier", "classification", target, np.full(50, 0.4), np.full(50, 0.4), draws=200)
    assert (found.difference, found.p_value) == (0.0, 1.0)


def _customers(random: np.random.Generator, count: int, cuts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two equally good models of customers whose own errors last over all their cuts: targets and scores."""
    use = np.repeat(random.normal(size=count), cuts)
    leaves = np.repeat(random.random(count), cuts) < 1 / (1 + np.exp(-2 * use))
    first, second = (use + np.repeat(random.normal(size=count), cuts) for _ in range(2))
    return leaves.astype(np.int8), first, second


@pytest.mark.parametrize("metric", ["roc_auc", "recall"])
def test_that_the_paired_bootstrap_of_repeated_ids_cries_wolf_as_often_as_it_says(metric: str) -> None:
    random, alone, together, runs = np.random.default_rng(6), 0, 0, 150
    clusters = np.repeat(np.arange(100), 4)
    for seed in range(runs):
        target, *scores = _customers(random, 100, 4)
        more: dict[str, Any] = {"thresholds": (0.5, 0.5), "draws": 250, "seed": seed}
        found = [
            paired_bootstrap(metric, "classification", target, *scores, clusters=each, **more).p_value
            for each in (None, clusters)
        ]
        alone, together = alone + (found[0] < 0.05), together + (found[1] < 0.05)
    assert alone / runs > 0.2, "rows are taken as independent"
    assert 0.01 <= together / runs <= 0.1


@pytest.mark.parametrize("count", [5, 12])
def test_that_few_clusters_of_many_rows_do_not_cry_wolf(count: int) -> None:
    random, found, runs = np.random.default_rng(8), 0, 150
    clusters = np.repeat(np.arange(count), 30)
    for seed in range(runs):
        target = np.zeros(30 * count)
        first, second = (np.repeat(random.normal(size=count), 30) for _ in range(2))
        test = paired_bootstrap("mae", "regression", target, first, second, seed=seed, clusters=clusters)
        found += test.p_value < 0.05
    assert found / runs <= 0.1


def test_that_five_clusters_can_show_a_difference() -> None:
    random = np.random.default_rng(9)
    error, clusters = random.normal(size=150), np.repeat(np.arange(5), 30)
    test = paired_bootstrap("mae", "regression", np.zeros(150), error, 1.3 * error, clusters=clusters)
    assert test.is_better() and test.high < 0


def test_that_decisions_of_repeated_ids_are_compared_by_customers() -> None:
    random, mcnemars, found, runs = np.random.default_rng(7), 0, 0, 100
    clusters = np.repeat(np.arange(100), 4)
    for _ in range(runs):
        target, first, second = _customers(random, 100, 4)
        mcnemars += compare_decisions(target, first, second, (0.5, 0.5)).p_value < 0.05
        together = compare_decisions(target, first, second, (0.5, 0.5), draws=250, clusters=clusters)
        found += together.p_value < 0.05
    assert mcnemars / runs > 0.2
    assert found / runs <= 0.12
