"""How inputs were spread, and how far they have moved since."""

import numpy as np
import pandas as pd
import pytest

from headrace.models.drift import psi, shares_of
from headrace.models.inputs import Input
from headrace.models.manifest import Bins
from train_models.judging.bins import level_bins, numeric_bins, reference_bins, typical_values


def _texts(*values: str) -> np.ndarray:
    return np.array(values, dtype=object)


def test_that_numbers_are_binned_by_deciles() -> None:
    found = numeric_bins(np.append(np.arange(1000.0), [np.nan] * 250))
    assert len(found.edges) == 9
    assert found.missing == pytest.approx(0.2)
    assert found.shares == pytest.approx([0.08] * 10)


@pytest.mark.parametrize(
    ("values", "edges", "shares"),
    [
        ([0.0] * 5 + [1.0] * 95, (0.0,), (0.05, 0.95)),
        ([0.0] * 88 + list(range(1, 13)), (0.0, 2.1), (0.88, 0.02, 0.10)),
        ([3.0] * 4, (), (1.0,)),
        (list(range(20)) + [50.0] * 980, (19.0,), (0.02, 0.98)),
    ],
)
def test_that_few_or_heaped_numbers_still_have_bins(
    values: list[float], edges: tuple[float, ...], shares: tuple[float, ...]
) -> None:
    found = numeric_bins(np.array(values, dtype=np.float64))
    assert found.edges == pytest.approx(edges)
    assert found.shares == pytest.approx(shares)


def test_that_levels_are_binned_the_frequent_first_and_the_rest_together() -> None:
    found = level_bins(_texts("b", "a", "a", "", "a"))
    assert (found.levels, found.shares, found.missing) == (("a", "b"), (0.6, 0.2, 0.0), 0.2)
    many = level_bins(_texts(*[f"level{at:03}" for at in range(100)]))
    assert len(many.levels) == 30
    assert many.shares[-1] == pytest.approx(0.7)


def test_that_nothing_but_missing_values_has_bins() -> None:
    assert level_bins(_texts("", "")).missing == 1.0
    assert numeric_bins(np.array([np.nan, np.nan])).missing == 1.0


def test_that_times_and_texts_have_no_bins_and_the_score_has() -> None:
    inputs = (Input("n", "number"), Input("t", "time"), Input("w", "text"), Input("c", "category"))
    frame = pd.DataFrame({"n": [1.0, 2.0], "t": [1e9, 2e9], "w": ["x y", "z"], "c": ["p", "q"]})
    assert list(reference_bins(inputs, frame, np.array([0.1, 0.9]))) == ["n", "c", "score"]


def test_that_typical_values_are_medians_and_most_frequent_ones() -> None:
    inputs = (Input("n", "number"), Input("b", "boolean"), Input("c", "category"), Input("e", "number"))
    frame = pd.DataFrame(
        {"n": [1.0, 2.0, np.nan, 9.0], "b": [1.0, 1.0, 0.0, np.nan], "c": ["p", "", "", "p"], "e": [np.nan] * 4}
    )
    assert typical_values(inputs, frame) == {"n": 2.0, "b": True, "c": "p", "e": None}


def test_that_the_index_is_right_by_hand() -> None:
    reference = Bins(shares=(0.5, 0.5), edges=(10.0,))
    values = np.array([1.0, 10.0, 10.0, 11.0])
    assert shares_of(reference, values) == pytest.approx([0.75, 0.25, 0])
    assert psi(reference, values) == pytest.approx(0.25 * np.log(1.5) + -0.25 * np.log(0.5))


def test_that_unmoved_values_have_a_small_index_and_moved_ones_a_great() -> None:
    random = np.random.default_rng(1)
    reference = numeric_bins(random.normal(size=5_000))
    assert psi(reference, random.normal(size=5_000)) < 0.02
    assert psi(reference, random.normal(1.0, size=5_000)) > 0.25


def test_that_chance_gives_what_the_docstring_says() -> None:
    random = np.random.default_rng(2)
    reference = numeric_bins(random.normal(size=200_000))
    found = [psi(reference, random.normal(size=500)) for _ in range(200)]
    assert np.mean(found) == pytest.approx(9 / 500, rel=0.2)


def test_that_new_levels_and_missing_values_move_the_index_and_it_stays_finite() -> None:
    reference = level_bins(_texts(*"aaabbb"))
    same = psi(reference, _texts(*"ab"))
    assert same == pytest.approx(0, abs=1e-9)
    assert 0.25 < psi(reference, _texts("a", "b", "new")) < np.inf
    assert 0.25 < psi(reference, _texts("a", "b", "")) < np.inf
    assert np.isnan(psi(reference, _texts()))
