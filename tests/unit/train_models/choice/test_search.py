"""The search: within its rows, within its budget, and the same each time."""

from typing import Any

import numpy as np
import pytest

from tests.unit.train_models.choice.toy import toy_plan, toy_rows
from train_models.choice.algorithms import KINDS
from train_models.choice.search import Found, search


def _search(candidate: dict[str, Any], where: str = "here", **budget: Any) -> Found:
    plan = toy_plan(candidates=[candidate], search=budget, validation={"inner_folds": 3, "folds": 3})
    return search(plan, plan.candidates[0], toy_rows(200), where)


_KNN = {"algorithm": "knn", "search": {"n_neighbors": {"low": 1, "high": 60, "integer": True}}}


def test_a_better_parameter_is_found() -> None:
    found = _search({"algorithm": "knn", "search": {"n_neighbors": [1, 25]}}, trials=6)

    assert found.params == {"n_neighbors": 25}
    assert found.value is not None
    assert found.value > 0.8


def test_no_space_searches_nothing() -> None:
    assert _search({"algorithm": "knn"}, trials=5) == Found({})


def test_the_same_search_gives_the_same_and_another_place_draws_others() -> None:
    assert _search(_KNN, trials=6) == _search(_KNN, trials=6)
    places = {str(_search(_KNN, where, trials=2).value) for where in ("a", "b", "c", "d")}
    assert len(places) > 1


def test_the_defaults_are_tried_first_where_the_space_has_them() -> None:
    assert _search(_KNN, trials=1).params == {"n_neighbors": 15}
    without = {"algorithm": "knn", "search": {"n_neighbors": {"low": 20, "high": 60, "integer": True}}}
    assert _search(without, trials=1).params["n_neighbors"] != 15


@pytest.mark.parametrize("algorithm", [name for name, kind in KINDS.items() if kind.space])
def test_an_algorithms_own_space_is_searched_from_its_defaults(algorithm: Any) -> None:
    kind, few = KINDS[algorithm], {"random_forest": "n_estimators", "hist_boosting": "max_iter"}
    params = {few[algorithm]: 5} if algorithm in few else {}
    candidate = {"algorithm": algorithm, "search": "default", "params": params}
    defaults = {name: kind.defaults[name] for name in kind.space if name not in params}

    assert _search(candidate, trials=1).params == defaults


def test_a_search_is_not_worse_than_none_and_goes_on_from_what_its_space_does_not_hold() -> None:
    candidate = {"algorithm": "random_forest", "search": "default", "params": {"n_estimators": 5}}
    none, some = (_search(candidate, trials=trials, pruning=False) for trials in (1, 14))

    assert none.value is not None and some.value is not None
    assert none.params == {"min_samples_leaf": 1, "max_features": None}
    assert some.value > none.value
    assert set(some.params) == {"min_samples_leaf", "max_features"}
    assert some.trials == 14
    assert _search(candidate, trials=14, pruning=False) == some


def test_hopeless_trials_are_pruned_after_some_folds() -> None:
    candidate = {"algorithm": "logistic", "search": {"C": {"low": 1e-6, "high": 1e2, "log": True}}}
    assert _search(candidate, trials=25, metric="log_loss").pruned > 0
    assert _search(candidate, trials=10, metric="log_loss", pruning=False).pruned == 0


def test_a_budget_of_time_ends_it() -> None:
    found = _search(_KNN, minutes=0.005)

    assert 1 <= found.trials < 200
    assert found.params


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
def test_less_or_more_is_better_by_the_metric(metric: str) -> None:
    found = _search({"algorithm": "knn", "search": {"n_neighbors": [1, 25]}}, trials=6, metric=metric)

    assert found.params == {"n_neighbors": 25}
    assert np.isfinite(float(str(found.value)))
