"""From a model file's candidates to estimators: names, baselines, averages and bags."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor

from headrace.errors import ConfigurationError
from headrace.models.manifest import Task
from train_models.choice.algorithms import KINDS, How, Params, Space, check_params, make
from train_models.choice.choice_spec import Algorithm, Candidate, Imbalance, Search

BASELINES: Mapping[Task, tuple[str, str]] = {
    "classification": ("baseline_prior", "baseline_logistic"),
    "regression": ("baseline_mean", "baseline_linear"),
}
"""Always trained beside the candidates: what says nothing, and the straight line; without weights and resampling."""
_LINES: Mapping[Task, Algorithm] = {"classification": "logistic", "regression": "linear"}


def check(candidates: Sequence[Candidate], search: Search, imbalance: Imbalance, task: Task) -> None:
    """Refuses candidates that can't be trained, before anything is.

    Raises:
        ConfigurationError: says which candidate, what is wrong with it and what is possible.
    """
    titles = [each.title for each in candidates]
    if twice := sorted({title for title in titles if titles.count(title) > 1}):
        raise ConfigurationError(f"candidates: {', '.join(twice)} is there twice; give each a name of its own")
    if taken := sorted(set(titles) & set(BASELINES[task])):
        raise ConfigurationError(f"candidates: {', '.join(taken)} is the name of a baseline; give another")
    if task == "regression" and imbalance != Imbalance():
        raise ConfigurationError("imbalance: a regression has no classes; leave it out")
    simple = {each.title for each in candidates if each.algorithm}
    for each in candidates:
        if each.algorithm:
            _check_one(each, each.algorithm, search, How(task, 0, 1, imbalance.weights == "balanced"))
        elif strangers := sorted(set(each.average) - simple):
            listed = ", ".join(sorted(simple)) or "none"
            raise ConfigurationError(f"{each.title}: can't average {', '.join(strangers)}; possible are: {listed}")


def _check_one(candidate: Candidate, algorithm: Algorithm, search: Search, how: How) -> None:
    make(algorithm, candidate.params, how)
    space = space_of(candidate)
    check_params(algorithm, space)
    if space and not search.trials and search.minutes is None:
        raise ConfigurationError(f"{candidate.title}: has a search, but `search:` has neither trials nor minutes")
    if both := sorted(set(space) & set(candidate.params)):
        raise ConfigurationError(f"{candidate.title}: {', '.join(both)} is both fixed in params and searched")
    if candidate.bag > 1 and not KINDS[algorithm].has_seed:
        raise ConfigurationError(f"{candidate.title}: bag: {algorithm} has no seed, so all its fits would be the same")


def space_of(candidate: Candidate) -> Space:
    """Where its parameters are searched; empty for none."""
    if candidate.search != "default":
        return candidate.search
    if candidate.algorithm is None:
        return {}
    space = dict(KINDS[candidate.algorithm].space)
    if candidate.early_stopping:
        space.pop("n_estimators", None)
    return {name: where for name, where in space.items() if name not in candidate.params}


def estimator_of(candidate: Candidate, params: Params, how: How) -> tuple[Any, bool]:
    """An unfitted estimator of one algorithm, or of its fits with several seeds; whether it needs scaled features."""
    algorithm = _algorithm(candidate)
    members = [make(algorithm, params, _seeded(how, number)) for number in range(candidate.bag)]
    return _mean_of(members, [1.0] * len(members), how.task), KINDS[algorithm].needs_scaling


def average_of(members: Sequence[tuple[Candidate, Params]], how: How) -> tuple[Any, bool]:
    """An unfitted average in which each candidate counts the same, on features that are scaled if one needs it."""
    estimators: list[Any] = []
    weights: list[float] = []
    for candidate, params in members:
        for number in range(candidate.bag):
            estimators.append(make(_algorithm(candidate), params, _seeded(how, number)))
            weights.append(1 / candidate.bag)
    needs_scaling = any(KINDS[_algorithm(candidate)].needs_scaling for candidate, _ in members)
    return _mean_of(estimators, weights, how.task), needs_scaling


def baseline_of(name: str, how: How) -> tuple[Any, bool]:
    """The unfitted baseline of a name in `BASELINES`, and whether it needs scaled features."""
    if name == BASELINES[how.task][0]:
        nothing = DummyRegressor(strategy="mean") if how.task == "regression" else DummyClassifier(strategy="prior")
        return nothing, False
    return make(_LINES[how.task], {}, How(how.task, how.seed, how.threads)), True


def _mean_of(members: Sequence[Any], weights: Sequence[float], task: Task) -> Any:
    if len(members) == 1:
        return members[0]
    named = [(f"member_{number}", member) for number, member in enumerate(members)]
    if task == "regression":
        return VotingRegressor(named, weights=np.array(weights))
    return VotingClassifier(named, voting="soft", weights=np.array(weights), flatten_transform=False)


def _seeded(how: How, number: int) -> How:
    return How(how.task, how.seed + number, how.threads, how.balanced)


def _algorithm(candidate: Candidate) -> Algorithm:
    if candidate.algorithm is None:
        raise ValueError(f"{candidate.title} is an average")
    return candidate.algorithm
