"""Every algorithm for both tasks, by names and parameters of a model file."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from headrace.errors import ConfigurationError
from headrace.models.manifest import Task
from tests.unit.train_models.choice.toy import model_file, toy_plan, toy_rows
from train_models.choice.algorithms import KINDS, How, make
from train_models.choice.candidates import BASELINES, check, estimator_of, space_of
from train_models.choice.choice_spec import Candidate, Imbalance, Range, Search
from train_models.choice.fitting import fit, predict
from train_models.judging.metrics import metric_value

_FAST = {
    "random_forest": {"n_estimators": 20},
    "hist_boosting": {"max_iter": 20},
    "lightgbm": {"n_estimators": 30},
}


def _scored(task: Task, candidates: list[dict[str, Any]], title: str, members: Any = None) -> tuple[Any, Any]:
    plan = toy_plan(task, candidates=candidates)
    fitted = fit(plan, title, {}, toy_rows(300, task), members or {})
    other = toy_rows(200, task, seed=1)
    return other.target, predict(fitted.pipeline, other.frame)


@pytest.mark.parametrize("algorithm", sorted(set(KINDS)))
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_algorithm_learns_both_tasks(algorithm: Any, task: Task) -> None:
    if task not in KINDS[algorithm].tasks:
        with pytest.raises(ConfigurationError, match="use linear, ridge"):
            make(algorithm, {}, How(task, 1, 1))
        return
    target, scores = _scored(task, [{"algorithm": algorithm, "params": _FAST.get(algorithm, {})}], algorithm)

    if task == "classification":
        assert metric_value("roc_auc", target, scores) > 0.8
        assert scores.min() >= 0
        assert scores.max() <= 1
    else:
        assert metric_value("r2", target, scores) > 0.5


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_baselines_say_nothing_or_a_line(task: Task) -> None:
    nothing, line = BASELINES[task]
    _, scores = _scored(task, [{"algorithm": "ridge"}], nothing)
    target, by_line = _scored(task, [{"algorithm": "ridge"}], line)

    assert len(np.unique(scores)) == 1
    assert scores[0] == pytest.approx(toy_rows(300, task).target.mean())
    assert metric_value("roc_auc" if task == "classification" else "r2", target, by_line) > 0.6


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_an_average_is_the_mean_of_its_candidates(task: Task) -> None:
    parts: list[dict[str, Any]] = [{"algorithm": "ridge"}, {"algorithm": "knn", "params": {"n_neighbors": 9}}]
    candidates = [*parts, {"name": "both", "average": ["ridge", "knn"]}]
    _, averaged = _scored(task, candidates, "both", {"ridge": {}, "knn": {"n_neighbors": 9}})
    singles = [_scored(task, candidates, title)[1] for title in ("ridge", "knn")]

    assert averaged == pytest.approx(np.mean(singles, axis=0), rel=1e-9)


def test_a_candidate_of_an_average_counts_once_however_many_seeds_it_has() -> None:
    forest: dict[str, Any] = {"algorithm": "random_forest", "params": {"n_estimators": 5}, "bag": 3}
    candidates: list[dict[str, Any]] = [
        forest,
        {"algorithm": "logistic"},
        {"name": "both", "average": ["random_forest", "logistic"]},
    ]
    _, averaged = _scored("classification", candidates, "both", {"random_forest": {"n_estimators": 5}, "logistic": {}})
    _, of_forest = _scored("classification", candidates, "random_forest")
    _, of_line = _scored("classification", candidates, "logistic")

    assert averaged == pytest.approx((of_forest + of_line) / 2, rel=1e-9)


def test_a_bag_averages_fits_with_other_seeds() -> None:
    params = {"n_estimators": 5}
    _, bagged = _scored("classification", [{"algorithm": "random_forest", "params": params, "bag": 2}], "random_forest")
    singles = []
    for seed in (42, 43):
        plan = toy_plan(
            candidates=[{"algorithm": "random_forest", "params": params}], validation={"seed": seed, "folds": 3}
        )
        fitted = fit(plan, "random_forest", {}, toy_rows(300), {})
        singles.append(predict(fitted.pipeline, toy_rows(200, seed=1).frame))

    assert not np.array_equal(singles[0], singles[1])
    assert bagged == pytest.approx(np.mean(singles, axis=0), rel=1e-9)


def test_the_same_penalty_for_a_smaller_target_is_the_same_vector_machine() -> None:
    rows = toy_rows(200, "regression")
    plan = toy_plan("regression", candidates=[{"algorithm": "svm"}])
    small = rows.take(np.arange(200))
    small.target[:] = small.target / 1_000
    scores = [predict(fit(plan, "svm", {}, each, {}).pipeline, rows.frame) for each in (rows, small)]

    assert scores[0] / 1_000 == pytest.approx(scores[1], rel=1e-3)


def test_early_stopping_ends_before_the_most_rounds() -> None:
    candidate = {
        "algorithm": "lightgbm",
        "params": {"n_estimators": 400, "learning_rate": 0.2},
        "early_stopping": 10,
    }
    fitted = fit(toy_plan(candidates=[candidate]), "lightgbm", {}, toy_rows(300), {})

    assert 1 <= int(str(fitted.params["n_estimators"])) < 100
    assert fitted.pipeline[-1].n_estimators_ == fitted.params["n_estimators"]


def test_neighbours_are_never_more_than_the_rows() -> None:
    plan = toy_plan(candidates=[{"algorithm": "knn", "params": {"n_neighbors": 90}}])

    assert fit(plan, "knn", {}, toy_rows(50), {}).pipeline[-1].n_neighbors == 50


def _refusal(candidates: list[dict[str, Any]], task: Task = "classification", **parts: Any) -> str:
    file = model_file(task, candidates=candidates, **parts)
    with pytest.raises(ConfigurationError) as refused:
        check(file.candidates, file.search, file.imbalance, task)
    return str(refused.value)


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    assert "neighbours is no parameter of it; known are: n_neighbors, p, weights" in _refusal(
        [{"algorithm": "knn", "params": {"neighbours": 3}}]
    )
    assert "known are: n_neighbors, p" in _refusal(
        [{"algorithm": "knn", "search": {"depth": [2]}}], search={"trials": 3}
    )


def test_candidates_that_cannot_be_trained_are_refused_before_anything_is() -> None:
    assert "is there twice" in _refusal([{"algorithm": "knn"}, {"algorithm": "knn"}])
    assert "name of a baseline" in _refusal([{"algorithm": "knn", "name": "baseline_prior"}])
    assert "possible are: knn" in _refusal([{"algorithm": "knn"}, {"name": "mean", "average": ["svm"]}])
    assert "neither trials nor minutes" in _refusal([{"algorithm": "knn", "search": "default"}])
    assert "has no seed" in _refusal([{"algorithm": "ridge", "bag": 2}])
    assert "takes no class weights" in _refusal([{"algorithm": "knn"}], imbalance={"weights": "balanced"})
    assert "has no classes" in _refusal([{"algorithm": "knn"}], "regression", imbalance={"weights": "balanced"})
    assert "both fixed in params and searched" in _refusal(
        [{"algorithm": "knn", "params": {"p": 1}, "search": {"p": [1, 2]}}], search={"trials": 3}
    )
    check((Candidate(algorithm="knn"),), Search(), Imbalance(), "classification")


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithm": "knn", "early_stopping": 5},
        {"average": ["knn"], "bag": 2},
        {"algorithm": "knn", "name": "../knn"},
        {"algorithm": "knn", "search": {"p": {"low": 2, "high": 1}}},
        {"algorithm": "knn", "search": {"p": {"low": 0, "high": 1, "log": True}}},
    ],
)
def test_a_candidate_that_makes_no_sense_is_refused_by_the_file(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Candidate.model_validate(wrong)


@pytest.mark.parametrize("algorithm", sorted(set(KINDS)))
def test_default_spaces_hold_only_known_parameters(algorithm: Any) -> None:
    kind = KINDS[algorithm]
    ends = {name: where.low if isinstance(where, Range) else where[0] for name, where in kind.space.items()}
    integers = {name: int(end) for name, end in ends.items() if isinstance(kind.space[name], list)}
    make(algorithm, {**ends, **integers}, How(kind.tasks[0], 1, 1))


def test_what_is_fixed_or_found_by_early_stopping_is_not_in_the_default_space() -> None:
    candidate = Candidate(algorithm="lightgbm", params={"num_leaves": 7}, search="default", early_stopping=20)

    assert {"num_leaves", "n_estimators"}.isdisjoint(space_of(candidate))
    assert "learning_rate" in space_of(candidate)


def test_boosting_is_deterministic_and_has_the_threads_of_the_file() -> None:
    made, _ = estimator_of(Candidate(algorithm="lightgbm"), {}, How("classification", 7, 3))

    chosen = made.get_params()
    assert (chosen["deterministic"], chosen["force_row_wise"], chosen["n_jobs"], chosen["random_state"]) == (
        True,
        True,
        3,
        7,
    )
