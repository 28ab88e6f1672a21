"""The search for parameters among training rows, by Optuna's tree-structured Parzen estimator."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from headrace.errors import ConfigurationError
from headrace.models.records import Value
from train_models.choice.algorithms import KINDS, Space
from train_models.choice.candidates import space_of
from train_models.choice.choice_spec import Candidate, Range
from train_models.choice.fitting import fit, predict
from train_models.choice.plan import Plan
from train_models.choice.splits import Fold, inner_folds_of
from train_models.judging.metrics import metric_value
from train_models.training_result import TrainingRows

_PARAMS = "params"
_FULL_TRIALS = 5
"""So many trials see all inner folds before any is pruned."""


@dataclass(frozen=True)
class Found:
    """What a search gave.

    Attributes:
        params: of the best trial; empty where nothing was searched.
        value: its mean of the metric over the inner folds; None where nothing was searched.
        trials: how many were begun, and how many of these were pruned.
    """

    params: dict[str, Value]
    value: float | None = None
    trials: int = 0
    pruned: int = 0


def search(plan: Plan, candidate: Candidate, rows: TrainingRows, where: str) -> Found:
    """The best parameters by a cross-validation within these rows.

    Args:
        rows: those that may be learned from: an outer fold's training rows, or all development rows.
        where: names this search, so that each draws other parameters, and the same ones in each run.

    Raises:
        ConfigurationError: the rows are too few for the inner folds, or no trial has a value of the metric.
    """
    space = space_of(candidate)
    if not space:
        return Found({})
    folds = inner_folds_of(rows, plan.validation, plan.task)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(plan, candidate, where)
    _try_defaults_first(study, candidate, space)
    budget = plan.search
    study.optimize(
        lambda trial: _mean_value(plan, candidate, rows, folds, trial),
        n_trials=budget.trials or None,
        timeout=None if budget.minutes is None else budget.minutes * 60,
    )
    pruned = len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.PRUNED,)))
    if len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))) == 0:
        raise ConfigurationError(
            f"{candidate.title}: no trial gave a {plan.metric}; use fewer inner folds or another metric"
        )
    return Found(dict(study.best_trial.user_attrs[_PARAMS]), float(study.best_value), len(study.trials), pruned)


def seed_of(seed: int, where: str) -> int:
    """A seed of its own for each named part, the same in each run."""
    return int.from_bytes(hashlib.sha256(f"{seed} {where}".encode()).digest()[:4])


def _study(plan: Plan, candidate: Candidate, where: str) -> optuna.Study:
    sampler = optuna.samplers.TPESampler(seed=seed_of(plan.seed, f"{candidate.title} {where}"))
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if plan.search.pruning:
        pruner = optuna.pruners.MedianPruner(n_startup_trials=_FULL_TRIALS)
    maximize, minimize = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
    direction = maximize if plan.greater_is_better else minimize
    return optuna.create_study(sampler=sampler, pruner=pruner, direction=direction)


def _mean_value(
    plan: Plan, candidate: Candidate, rows: TrainingRows, folds: tuple[Fold, ...], trial: optuna.Trial
) -> float:
    params = trial.user_attrs.get(_PARAMS) or {
        name: _suggest(trial, name, where) for name, where in space_of(candidate).items()
    }
    trial.set_user_attr(_PARAMS, params)
    values: list[float] = []
    for number, fold in enumerate(folds):
        fitted = fit(plan, candidate.title, params, rows.take(fold.train), {})
        scores = predict(fitted.pipeline, rows.frame.iloc[fold.test])
        values.append(metric_value(plan.metric, rows.target[fold.test], scores))
        trial.report(float(np.mean(values)), number)
        if number + 1 < len(folds) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(values))


def _suggest(trial: optuna.Trial, name: str, where: list[Any] | Range) -> Any:
    if not isinstance(where, Range):
        return trial.suggest_categorical(name, where)
    if where.integer:
        return trial.suggest_int(name, int(where.low), int(where.high), step=int(where.step or 1), log=where.log)
    return trial.suggest_float(name, where.low, where.high, step=where.step, log=where.log)


def _try_defaults_first(study: optuna.Study, candidate: Candidate, space: Space) -> None:
    """The defaults as the first trial, so that a search is not worse than none.

    Not where a space of the model file leaves them out. The algorithm's own has some that it doesn't reach by numbers,
    such as no penalty on a logarithmic scale: these are given as they are.
    """
    if candidate.algorithm is None:
        return
    defaults: Mapping[str, Value] = KINDS[candidate.algorithm].defaults
    found = {name: defaults[name] for name in space}
    if all(_is_within(found[name], where) for name, where in space.items()):
        study.enqueue_trial(found)
    elif candidate.search == "default":
        study.enqueue_trial({}, user_attrs={_PARAMS: found})


def _is_within(value: Value, where: list[Any] | Range) -> bool:
    if not isinstance(where, Range):
        return value in where
    return isinstance(value, int | float) and where.step is None and where.low <= value <= where.high
