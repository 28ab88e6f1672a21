"""A training's result, judged: one look at the hold-out, and all numbers of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headrace.models.manifest import Task
from headrace.models.steps.calibrated import Calibrated, calibrate
from train_models.judging.bins import reference_bins, typical_values
from train_models.judging.caveats import found_caveats
from train_models.judging.fold_summary import Summary, fold_metrics, fold_summary, out_of_fold
from train_models.judging.importance import importances
from train_models.judging.intervals import Interval, hold_out_intervals
from train_models.judging.judged import Judged, JudgedCandidate
from train_models.judging.metrics import BY_DECISION, GREATER_IS_BETTER, is_constant
from train_models.judging.paired_tests import PairedTest, compare_decisions, corrected_resampled_t, paired_bootstrap
from train_models.judging.reliability import calibration_error, reliability
from train_models.judging.resampling import DRAWS, clusters_of
from train_models.judging.slices import Slice, groups_of, judge_slices
from train_models.model_file import ModelFile
from train_models.training_result import CandidateResult, FoldScores, TrainingResult

Array = np.ndarray[Any, Any]


def judge(result: TrainingResult, model_file: ModelFile, *, draws: int = DRAWS) -> Judged:
    """All that is said of the chosen model, against the other candidates and the baselines.

    The same result and file give the same numbers: draws and shuffles are seeded by the file's seed.

    Args:
        draws: of each bootstrap.
    """
    task, seed = model_file.task, model_file.validation.seed
    rows, metric = result.rows, result.metric
    developed, target = rows.target[result.development], rows.target[result.hold_out]
    scores = result.hold_out_scores[result.chosen]
    over_folds = _over_folds(result, task, developed)
    clusters = clusters_of(rows.take(result.hold_out))
    drawn: dict[str, Any] = {"draws": draws, "seed": seed, "clusters": clusters}
    hold_out = hold_out_intervals(task, target, scores, result.threshold, **drawn)
    against = _against_baselines(result, task, target, drawn)
    slices = _slices(result, model_file, task, target, scores, clusters)
    bins = reliability(target, scores) if task == "classification" else ()
    error = calibration_error(bins)
    frame = rows.frame.iloc[result.development]
    known = out_of_fold_scores(result)
    return Judged(
        task=task,
        metric=metric,
        threshold=result.threshold,
        calibration=result.calibration,
        development_rows=len(developed),
        hold_out_rows=len(target),
        base=float(rows.target.mean()),
        candidates=_candidates(result, task, developed),
        over_folds=over_folds,
        hold_out=hold_out,
        baselines=_baselines(result, task, target, drawn),
        against_baselines=against,
        slices=slices,
        importance=importances(result.fitted, frame, developed, metric, result.threshold, seed),
        reliability=bins,
        calibration_error=error,
        reference=reference_bins(rows.inputs, frame, known[np.isfinite(known)]),
        typical=typical_values(rows.inputs, frame),
        caveats=found_caveats(
            metric, result.findings, over_folds, hold_out, len(target), against, constants_of(result), slices, error
        ),
        hold_out_clusters=None if clusters is None else len(np.unique(clusters)),
    )


def chosen_candidate(result: TrainingResult) -> CandidateResult:
    """The candidate that was chosen."""
    return next(candidate for candidate in result.candidates if candidate.name == result.chosen)


def out_of_fold_scores(result: TrainingResult) -> Array:
    """The chosen's score of each development row by folds that did not train on it, calibrated as the model is.

    NaN for rows that no fold tested, as at a time split's start.
    """
    return _calibrated(result.fitted, out_of_fold(len(result.development), chosen_candidate(result)))


def _calibrated(fitted: Any, scores: Array) -> Array:
    last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    if not isinstance(last, Calibrated):
        return scores
    return calibrate(last.method, last.points_x, last.points_y, scores)


def _over_folds(result: TrainingResult, task: Task, target: Array) -> Mapping[str, Summary]:
    folds = chosen_candidate(result).folds
    summary = fold_summary(task, target, folds)
    if task == "regression":
        return summary
    calibrated = [FoldScores(f.repeat, f.fold, f.rows, _calibrated(result.fitted, f.scores)) for f in folds]
    decided = fold_summary(task, target, calibrated, result.threshold)
    return {name: (decided if name in BY_DECISION else summary)[name] for name in summary}


def _candidates(result: TrainingResult, task: Task, target: Array) -> tuple[JudgedCandidate, ...]:
    chosen = chosen_candidate(result)
    found = [
        JudgedCandidate(
            name=each.name,
            algorithm=each.algorithm,
            params=each.params,
            is_baseline=each.is_baseline,
            is_chosen=each is chosen,
            seconds=each.seconds,
            summary=fold_summary(task, target, each.folds),
            against_chosen=None if each is chosen else compare_folds(result.metric, target, chosen, each),
        )
        for each in result.candidates
    ]
    sense = -1.0 if GREATER_IS_BETTER[result.metric] else 1.0
    return tuple(
        sorted(found, key=lambda each: (not each.is_chosen, _last_if_nan(sense * each.summary[result.metric].mean)))
    )


def _last_if_nan(value: float) -> float:
    return value if np.isfinite(value) else float("inf")


def compare_folds(metric: str, target: Array, first: CandidateResult, second: CandidateResult) -> PairedTest:
    """The corrected resampled t-test of two candidates over their common folds.

    Args:
        target: of the development rows.
    """
    return corrected_resampled_t(
        metric,
        fold_metrics(metric, target, first.folds),
        fold_metrics(metric, target, second.folds),
        _test_share(first, target),
    )


def _test_share(candidate: CandidateResult, target: Array) -> float:
    """The share of a fold's rows that test.

    A time split, which leaves the first rows untested, is taken to train on half of all rows on average.
    """
    if not candidate.folds:
        return 0.0
    tested = float(np.mean([len(fold.rows) for fold in candidate.folds]))
    covered = len(np.unique(np.concatenate([fold.rows for fold in candidate.folds])))
    trained = len(target) - tested if covered == len(target) else len(target) / 2
    return tested / (tested + trained)


def constants_of(result: TrainingResult) -> frozenset[str]:
    """The baselines that say the same of every row of the hold-out."""
    return frozenset(name for name, scores in result.hold_out_scores.items() if is_constant(scores))


def _baselines(
    result: TrainingResult, task: Task, target: Array, drawn: Mapping[str, Any]
) -> dict[str, Mapping[str, Interval]]:
    return {
        name: hold_out_intervals(task, target, scores, result.threshold, **drawn)
        for name, scores in result.hold_out_scores.items()
        if name != result.chosen
    }


def _against_baselines(
    result: TrainingResult, task: Task, target: Array, drawn: Mapping[str, Any]
) -> dict[str, tuple[PairedTest, ...]]:
    chosen, found = result.hold_out_scores[result.chosen], {}
    for name, scores in result.hold_out_scores.items():
        if name == result.chosen:
            continue
        thresholds = (result.threshold, result.threshold)
        test = paired_bootstrap(result.metric, task, target, chosen, scores, thresholds=thresholds, **drawn)
        more = (compare_decisions(target, chosen, scores, thresholds, **drawn),) if task == "classification" else ()
        found[name] = (test, *more)
    return found


def _slices(
    result: TrainingResult,
    model_file: ModelFile,
    task: Task,
    target: Array,
    scores: Array,
    clusters: Array | None,
) -> tuple[Slice, ...]:
    rows = result.rows
    groups = groups_of(rows.inputs, model_file.slices, rows.frame, rows.frame.iloc[result.hold_out])
    seed = model_file.validation.seed
    return judge_slices(task, result.metric, groups, target, scores, result.threshold, seed=seed, clusters=clusters)
