"""The choice among a model file's candidates, from rows to the one that is fitted, calibrated and judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headrace.errors import ConfigurationError
from headrace.models.records import Value
from train_models.choice.algorithms import Params
from train_models.choice.calibration import (
    Curve,
    FoldPredictions,
    choose_method,
    cross_fitted,
    fit_curve,
    with_curve,
)
from train_models.choice.candidates import BASELINES, check
from train_models.choice.choice_spec import Candidate
from train_models.choice.cross_validation import cross_validate, in_parallel
from train_models.choice.fitting import Fitted, fit
from train_models.choice.hold_out import HoldOut
from train_models.choice.learning_curve import learning_curve
from train_models.choice.plan import Build, Plan, plan_of
from train_models.choice.progress import Progress
from train_models.choice.run_store import RunStore, Stored, key_of
from train_models.choice.search import search
from train_models.choice.splits import folds_of, kind_of, split_hold_out
from train_models.choice.thresholds import choose_threshold
from train_models.judging.metrics import metric_value, names_of
from train_models.model_file import ModelFile
from train_models.training_result import CandidateResult, TrainingResult, TrainingRows


@dataclass(frozen=True)
class _Final:
    """The chosen candidate, fitted on all development rows."""

    pipeline: Pipeline
    params: dict[str, Value]
    members: dict[str, Params]


def choose(
    rows: TrainingRows,
    model_file: ModelFile,
    build: Build,
    run_folder: Path,
    progress: Progress,
    before_look: Callable[[TrainingRows], None] | None = None,
) -> TrainingResult:
    """Compares all candidates and baselines, and fits, calibrates and scores the chosen one.

    Args:
        build: makes the pipeline around an algorithm.
        run_folder: keeps what is finished; an interrupted run goes on there, and gives the same.
        before_look: is given the hold-out's rows before they are scored, to note that they will have been.

    Raises:
        ConfigurationError: the file and the rows don't fit together, or the folder is another run's.
    """
    plan = plan_of(model_file, build)
    _check(plan)
    development, held = split_hold_out(rows, plan.validation, plan.task)
    known, folds = rows.take(development), folds_of(rows.take(development), plan.validation, plan.task)
    store = RunStore(run_folder, key_of(rows, model_file))
    results = cross_validate(plan, known, folds, store, progress)
    chosen = best_of(plan, known, results)
    final = _final_fit(plan, chosen, known, store, progress)
    curve, threshold = _decide(plan, model_file, known, chosen)
    fitted = with_curve(final.pipeline, curve)
    points = learning_curve(plan, chosen.name, final.params, final.members, known, folds, store, progress)
    if before_look is not None:
        before_look(rows.take(held))
    scores = _score_hold_out(plan, chosen.name, fitted, curve, final, known, HoldOut(rows.take(held), store))
    return TrainingResult(
        rows=rows,
        development=development,
        hold_out=held,
        metric=plan.metric,
        candidates=tuple(replace(each, params=final.params) if each is chosen else each for each in results),
        chosen=chosen.name,
        fitted=fitted,
        threshold=threshold,
        calibration=curve.method if plan.task == "classification" else None,
        hold_out_scores=scores,
        learning_curve=points,
    )


def best_of(plan: Plan, rows: TrainingRows, results: Sequence[CandidateResult]) -> CandidateResult:
    """The candidate with the best mean over the outer folds; of equal ones the first of the file. No baseline.

    With `prefer_simple`, the first of the file that is within one standard error of the best (Breiman and others,
    Classification and Regression Trees, 1984).
    """
    sign = 1 if plan.greater_is_better else -1
    candidates = [each for each in results if not each.is_baseline]
    values = [
        sign * np.array([metric_value(plan.metric, rows.target[fold.rows], fold.scores) for fold in each.folds])
        for each in candidates
    ]
    means = np.array([np.mean(each) for each in values])
    if np.isnan(means).all():
        raise ConfigurationError(f"no candidate has a {plan.metric} in all folds; use fewer folds or another metric")
    best = int(np.nanargmax(means))
    if not plan.search.prefer_simple:
        return candidates[best]
    error = float(np.std(values[best], ddof=1) / np.sqrt(len(values[best])))
    return candidates[int(np.flatnonzero(means >= means[best] - error)[0])]


def _check(plan: Plan) -> None:
    check(plan.candidates, plan.search, plan.imbalance, plan.task)
    if plan.metric not in names_of(plan.task):
        raise ConfigurationError(
            f"search: {plan.metric} is no metric of a {plan.task}; possible are: {', '.join(names_of(plan.task))}"
        )


def _final_fit(plan: Plan, chosen: CandidateResult, rows: TrainingRows, store: RunStore, progress: Progress) -> _Final:
    progress.start(1, "final fit")
    candidate = plan.candidate(chosen.name)
    if candidate is None:
        raise ValueError(f"{chosen.name} is a baseline")
    members = {each.title: _final_params(plan, each, rows, store) for each in _averaged(plan, candidate)}
    params = _final_params(plan, candidate, rows, store)
    fitted = _fit_one(plan, candidate.title, params, rows, members)
    progress.advance(candidate.title, None)
    of_members = {f"{title}.{name}": value for title, found in members.items() for name, value in found.items()}
    return _Final(fitted.pipeline, {**fitted.params, **of_members}, members)


def _final_params(plan: Plan, candidate: Candidate, rows: TrainingRows, store: RunStore) -> Params:
    """All parameters by a search over all development rows, with the rounds that early stopping finds."""
    name = f"{candidate.title}.final"
    stored = store.load(name)
    if stored is not None:
        found: dict[str, Value] = stored.about["params"]
        return found
    (params,) = in_parallel(plan, _search_all, [(plan, candidate, rows)])
    store.save(name, Stored({"params": params}, {}))
    return params


def _search_all(plan: Plan, candidate: Candidate, rows: TrainingRows) -> dict[str, Value]:
    searched = search(plan, candidate, rows, "final").params
    if candidate.early_stopping:
        return fit(plan, candidate.title, searched, rows, {}).params
    return {**candidate.params, **searched}


def _averaged(plan: Plan, candidate: Candidate) -> list[Candidate]:
    return [each for each in plan.candidates if each.title in candidate.average]


def _fit_one(plan: Plan, title: str, params: Params, rows: TrainingRows, members: dict[str, Params]) -> Fitted:
    (fitted,) = in_parallel(plan, fit, [(plan, title, params, rows, members)])
    return fitted


def _decide(
    plan: Plan, model_file: ModelFile, rows: TrainingRows, chosen: CandidateResult
) -> tuple[Curve, float | None]:
    """The calibration and the threshold, both from out-of-fold predictions."""
    if plan.task == "regression":
        return fit_curve("none", []), None
    folds = [FoldPredictions(each.repeat, each.fold, rows.target[each.rows], each.scores) for each in chosen.folds]
    by_time = kind_of(rows, plan.validation, plan.task) == "time"
    method = choose_method(model_file.calibration, folds, by_time)
    pairs = [
        (fold.target, scores)
        for fold, scores in zip(folds, cross_fitted(method, folds, by_time), strict=True)
        if scores is not None
    ]
    target, scores = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return fit_curve(method, folds), choose_threshold(model_file.threshold, target, scores)


def _score_hold_out(
    plan: Plan, title: str, fitted: Pipeline, curve: Curve, final: _Final, rows: TrainingRows, hold_out: HoldOut
) -> dict[str, Any]:
    models = {title: fitted}
    for name in BASELINES[plan.task]:
        models[name] = _fit_one(plan, name, {}, rows, {}).pipeline
    curve_points = [curve.points_x.tolist(), curve.points_y.tolist()]
    made_of = {"chosen": title, "params": final.params, "calibration": curve.method, "curve": curve_points}
    return hold_out.score_once(models, made_of)
