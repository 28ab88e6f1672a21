"""The statistics beside others' implementations, and beside what their definitions say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from headrace.experiments.arm_estimates import ArmEstimate, estimate
from headrace.experiments.comparison import LEAST_PEOPLE, Comparison, compare
from headrace.experiments.confidence_sequence import half_width, p_value, p_value_above, tuning
from headrace.experiments.corrections import adjusted
from headrace.experiments.sample_ratio import chi_squared_p, sequential_p
from headrace.interactions.records import Sums

ALPHA = 0.05
RHO = tuning(ALPHA, 5_000)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def _sums(y: np.ndarray[tuple[int], np.dtype[np.int64]], x: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Sums:
    return Sums(len(y), *(int(each) for each in (y.sum(), (y * y).sum(), x.sum(), (x * x).sum(), (x * y).sum())))


def test_the_sequence_is_the_formula_of_the_paper() -> None:
    # sigma sqrt(2 (t rho^2 + 1) / (t^2 rho^2) log(sqrt(t rho^2 + 1) / alpha)), with sigma the deviation of one person.
    sigma, t = 0.3, 8_000
    expected = sigma * math.sqrt(2 * (t * RHO**2 + 1) / (t**2 * RHO**2) * math.log(math.sqrt(t * RHO**2 + 1) / ALPHA))
    assert half_width(sigma / math.sqrt(t), t, ALPHA, RHO) == pytest.approx(expected)


@pytest.mark.parametrize("tuned_for", [500, 5_000, 100_000])
def test_the_sequence_is_narrowest_where_it_is_tuned_for(tuned_for: int) -> None:
    def width(log_rho: float) -> float:
        return half_width(1.0, tuned_for, ALPHA, math.exp(log_rho))

    best = optimize.minimize_scalar(width, bounds=(-12, 2), method="bounded")
    assert width(math.log(tuning(ALPHA, tuned_for))) == pytest.approx(best.fun, rel=2e-3)


@given(st.floats(-0.2, 0.2), st.floats(1e-4, 0.1), st.integers(60, 10**6), st.floats(0.001, 0.2))
def test_p_is_the_least_alpha_whose_interval_leaves_0_out(d: float, error: float, people: int, alpha: float) -> None:
    p = p_value(d, error, people, RHO)
    is_outside = abs(d) > half_width(error, people, alpha, RHO)
    assert is_outside == (p < alpha) or p == pytest.approx(alpha, rel=1e-9)


def test_p_above_a_bound_is_that_of_the_distance_to_it() -> None:
    assert p_value_above(0.05, 0.01, 0.01, 10_000, RHO) == p_value(0.04, 0.01, 10_000, RHO)
    assert p_value_above(0.01, 0.05, 0.001, 10_000, RHO) == 1.0
    assert p_value(0.5, 0.0, 100, RHO) == 1.0


def test_estimates_are_those_of_the_numbers_themselves() -> None:
    random = np.random.default_rng(1)
    y, x = random.integers(0, 1_000, 500), random.integers(0, 50, 500)
    plain = estimate({"a": _sums(y, x)}, 100, use_past=False)
    assert plain.arms["a"].mean == pytest.approx(y.mean() / 100)
    assert plain.arms["a"].variance == pytest.approx(y.var(ddof=1) / 100**2)
    assert (plain.theta, plain.left) == (0, 1)


def test_cuped_is_a_regression_on_the_past() -> None:
    random = np.random.default_rng(2)
    arms = {}
    for name, effect in (("control", 0), ("varied", 20)):
        x = random.poisson(40, 3_000)
        arms[name] = (3 * x + effect + random.integers(-30, 30, 3_000), x)
    found = estimate({name: _sums(y, x) for name, (y, x) in arms.items()}, 1, use_past=True)
    y = np.concatenate([each[0] for each in arms.values()])
    x = np.concatenate([each[1] for each in arms.values()])
    varied = np.repeat([0, 1], 3_000)
    # Ordinary least squares of y on the arm and x: the arm's coefficient is the adjusted difference.
    design = np.column_stack([np.ones_like(y), varied, x])
    (_, effect, theta), *_ = np.linalg.lstsq(design, y, rcond=None)
    assert found.theta == pytest.approx(theta)
    assert found.arms["varied"].mean - found.arms["control"].mean == pytest.approx(effect)
    residuals = y - theta * x - varied * effect
    assert found.left == pytest.approx(
        residuals.var() / (y - np.repeat([arms["control"][0].mean(), arms["varied"][0].mean()], 3_000)).var(), rel=1e-6
    )
    assert found.left < 0.6 and found.arms["varied"].plain_mean == pytest.approx(arms["varied"][0].mean())


def test_a_past_that_says_nothing_or_never_varies_is_no_harm() -> None:
    y = np.array([0, 1] * 50)
    found = estimate({"a": _sums(y, np.full(100, 7))}, 1, use_past=True)
    assert (found.theta, found.left, found.arms["a"].mean) == (0, 1, 0.5)
    assert estimate({"a": Sums(), "b": Sums(1, 2, 4)}, 1, use_past=True).arms.keys() == {"b"}


def _arm(people: int, mean: float, variance: float) -> ArmEstimate:
    return ArmEstimate(people, mean, variance, mean)


def test_the_standard_error_is_welchs() -> None:
    random = np.random.default_rng(3)
    a, b = random.normal(5, 2, 400), random.normal(5.3, 4, 300)
    found = compare(_arm(400, a.mean(), a.var(ddof=1)), _arm(300, b.mean(), b.var(ddof=1)), ALPHA, RHO)
    welch = stats.ttest_ind(b, a, equal_var=False)
    assert found is not None and found.difference / found.error == pytest.approx(welch.statistic)


@pytest.mark.parametrize(("of_control", "of_treatment"), [(18_000, 2_000), (2_000, 18_000)])
def test_a_small_arm_in_which_nobody_converted_yet_is_not_told_apart(of_control: int, of_treatment: int) -> None:
    """Its own variance is 0; that of the other, in which one in 1,000 did, is what can be known of it."""

    def arm(people: int) -> ArmEstimate:
        share = 0.001 if people == 18_000 else 0.0
        return _arm(people, share, share * (1 - share))

    found = compare(arm(of_control), arm(of_treatment), ALPHA, RHO)
    assert found is not None and found.lower < 0 < found.upper and found.p > 0.5
    if found.lift is not None and found.lift_lower is not None and found.lift_upper is not None:
        assert found.lift_lower < 0 < found.lift_upper


def test_arms_of_one_size_are_compared_by_their_own_variances_alone() -> None:
    found = compare(_arm(5_000, 0.001, 0.0009), _arm(5_000, 0.3, 0.21), ALPHA, RHO)
    assert found is not None and found.error == pytest.approx(math.sqrt((0.0009 + 0.21) / 5_000))


def test_a_lift_covers_what_simulation_says_of_a_ratio() -> None:
    random = np.random.default_rng(4)
    control, treatment = random.binomial(5_000, 0.10, 20_000) / 5_000, random.binomial(5_000, 0.12, 20_000) / 5_000
    found = compare(_arm(5_000, 0.10, 0.09), _arm(5_000, 0.12, 0.12 * 0.88), ALPHA, RHO)
    assert found is not None and found.lift is not None and found.lift_lower is not None
    assert found.lift == pytest.approx(0.2)
    one_error = (found.lift - found.lift_lower) / half_width(1.0, 10_000, ALPHA, RHO)
    assert one_error == pytest.approx((treatment / control - 1).std(), rel=0.03)


def test_no_lift_over_nothing() -> None:
    found = compare(_arm(1_000, 0.001, 1.0), _arm(1_000, 0.5, 1.0), ALPHA, RHO)
    assert isinstance(found, Comparison) and found.lift is None and found.lower > 0


def test_nothing_is_compared_with_too_few_people_or_without_any_difference_among_them() -> None:
    few, many = _arm(LEAST_PEOPLE - 1, 0.5, 0.25), _arm(1_000, 0.5, 0.25)
    assert compare(few, many, ALPHA, RHO) is None and compare(many, few, ALPHA, RHO) is None
    assert compare(_arm(100, 0, 0), _arm(100, 0, 0), ALPHA, RHO) is None


@given(P_VALUES)
def test_benjamini_and_hochberg_are_scipys(p_values: list[float]) -> None:
    assert adjusted(p_values, "benjamini_hochberg") == pytest.approx(list(stats.false_discovery_control(p_values)))


@given(P_VALUES, st.floats(0.001, 0.3))
def test_holm_rejects_as_its_steps_say(p_values: list[float], alpha: float) -> None:
    rejected = set()
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        if p_values[index] * (len(p_values) - step) > alpha:
            break
        rejected.add(index)
    assert {index for index, p in enumerate(adjusted(p_values, "holm")) if p <= alpha} == rejected
    assert adjusted(p_values, "none") == p_values


@pytest.mark.parametrize("counts", [[5_100, 4_900], [30, 50, 20], [100, 110, 90, 95, 120], [7, 7]])
def test_the_chi_squared_test_is_scipys(counts: list[int]) -> None:
    shares = [each / 10 for each in {2: (4, 6), 3: (2, 3, 5), 5: (1, 2, 2, 2, 3)}[len(counts)]]
    expected = stats.chisquare(counts, [share * sum(counts) for share in shares]).pvalue
    assert chi_squared_p(counts, shares) == pytest.approx(expected, rel=1e-9)
    assert chi_squared_p([0] * len(counts), shares) == 1.0


def test_the_sequential_test_is_the_ratio_of_likelihoods() -> None:
    counts, shares, concentration = [70, 30], [0.5, 0.5], 50.0
    posterior = stats.betabinom.pmf(70, 100, 25, 25)
    assert sequential_p(counts, shares, concentration) == pytest.approx(stats.binom.pmf(70, 100, 0.5) / posterior)
    assert sequential_p([50, 50], shares) == 1.0


def test_the_sequential_test_finds_a_mismatch_and_looks_without_end_at_none() -> None:
    random = np.random.default_rng(5)
    false = found = 0
    for share, looks in ((0.5, 200), (0.53, 200)):
        for steps in random.binomial(100, share, size=(150, looks)):
            first = np.cumsum(steps).tolist()
            called = any(
                sequential_p([one, 100 * number - one], [0.5, 0.5]) < 0.01 for number, one in enumerate(first, start=1)
            )
            false, found = (false + called, found) if share == 0.5 else (false, found + called)
    assert false <= 3 and found == 150
