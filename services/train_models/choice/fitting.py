"""Fits a pipeline on training rows, and on nothing else: features, resampling and rounds are all learned from these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lightgbm import early_stopping
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.svm import SVR

from headrace.models.records import Value
from train_models.choice.algorithms import Params
from train_models.choice.candidates import average_of, baseline_of, estimator_of
from train_models.choice.choice_spec import Candidate, Imbalance
from train_models.choice.imbalance import resample
from train_models.choice.plan import Plan
from train_models.choice.splits import split_hold_out
from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]

_STOPPING_SHARE = 0.15
"""Of the training rows: what early stopping is judged on, before the fit on all of them."""


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline without any step that resamples, and the parameters it was made with."""

    pipeline: Pipeline
    params: dict[str, Value]


def fit(plan: Plan, title: str, params: Params, rows: TrainingRows, members: Mapping[str, Params]) -> Fitted:
    """Fits a candidate or a baseline.

    Args:
        params: those that were searched; the model file's own are added.
        members: of an average, by title: the parameters that its candidates were fitted with.
    """
    candidate = plan.candidate(title)
    if candidate is None:
        return Fitted(_fit(plan, *baseline_of(title, plan.how), rows, Imbalance()), {})
    if candidate.average:
        parts = [(each, members[each.title]) for each in plan.candidates if each.title in candidate.average]
        return Fitted(_fit(plan, *average_of(parts, plan.how), rows, plan.imbalance), {})
    all_params: dict[str, Value] = {**candidate.params, **params}
    if candidate.early_stopping:
        all_params["n_estimators"] = _rounds(plan, candidate, all_params, rows)
    estimator, needs_scaling = estimator_of(candidate, all_params, plan.how)
    return Fitted(_fit(plan, estimator, needs_scaling, rows, plan.imbalance), all_params)


def predict(pipeline: Any, frame: Any) -> Array:
    """Probabilities of the positive class, or predicted values: float64, one per row."""
    is_classifier = hasattr(pipeline, "predict_proba")
    found = pipeline.predict_proba(frame)[:, 1] if is_classifier else pipeline.predict(frame)
    return np.asarray(found, dtype=np.float64)


def _fit(plan: Plan, estimator: Any, needs_scaling: bool, rows: TrainingRows, imbalance: Imbalance) -> Pipeline:
    pipeline = plan.build(estimator, needs_scaling)
    target = _target(plan, rows)
    features = Pipeline(pipeline.steps[:-1])
    matrix, classes = resample(features.fit_transform(rows.frame, target), target, imbalance, plan.seed)
    last, algorithm = pipeline.steps[-1]
    _suit(algorithm, classes)
    algorithm.fit(matrix, classes)
    return Pipeline([*features.steps, (last, algorithm)])


def _rounds(plan: Plan, candidate: Candidate, params: Params, rows: TrainingRows) -> int:
    """How many rounds are best on a part of the training rows that the others are fitted without."""
    kept, judged = split_hold_out(rows, plan.validation, plan.task, _STOPPING_SHARE)
    training, judging = rows.take(kept), rows.take(judged)
    estimator, needs_scaling = estimator_of(candidate.model_copy(update={"bag": 1}), params, plan.how)
    pipeline = plan.build(estimator, needs_scaling)
    features, target = Pipeline(pipeline.steps[:-1]), _target(plan, training)
    matrix, classes = resample(features.fit_transform(training.frame, target), target, plan.imbalance, plan.seed)
    algorithm = pipeline.steps[-1][1]
    algorithm.fit(
        matrix,
        classes,
        eval_X=features.transform(judging.frame),
        eval_y=_target(plan, judging),
        callbacks=[early_stopping(candidate.early_stopping, verbose=False)],
    )
    return int(algorithm.best_iteration_)


def _target(plan: Plan, rows: TrainingRows) -> Array:
    return rows.target.astype(np.int64 if plan.task == "classification" else np.float64)


def _suit(estimator: Any, target: Array) -> None:
    """Makes parameters suit the rows: C and epsilon of a support vector regression, and neighbours where rows are few.

    C and epsilon are given in standard deviations of the target. The dual problem for a target divided by s is the one
    for the target itself with C and epsilon times s, so nothing need be transformed back.
    """
    if isinstance(estimator, SVR):
        deviation = float(np.std(target)) or 1.0
        estimator.set_params(C=estimator.C * deviation, epsilon=estimator.epsilon * deviation)
    if isinstance(estimator, KNeighborsClassifier | KNeighborsRegressor):
        estimator.set_params(n_neighbors=min(estimator.n_neighbors, len(target)))
    if isinstance(estimator, VotingClassifier | VotingRegressor):
        for _, member in estimator.estimators:
            _suit(member, target)
