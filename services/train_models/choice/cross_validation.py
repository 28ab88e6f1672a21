"""Every candidate over the same outer folds, on whatever joblib backend is set; what is finished is kept."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from headrace.models.records import Value
from train_models.choice.algorithms import Params
from train_models.choice.candidates import BASELINES
from train_models.choice.fitting import fit, predict
from train_models.choice.plan import Plan
from train_models.choice.progress import Progress
from train_models.choice.run_store import RunStore, Stored
from train_models.choice.search import search
from train_models.choice.splits import Fold
from train_models.judging.metrics import metric_value
from train_models.training_result import CandidateResult, FoldScores, TrainingRows

Array = np.ndarray[Any, Any]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """One candidate on one outer fold.

    Attributes:
        scores: of the fold's test rows.
        params: all that the candidate was made with.
        value: of the search, over the inner folds; None without one.
    """

    title: str
    fold: Fold
    scores: Array
    params: dict[str, Value]
    value: float | None
    seconds: float


@dataclass
class _Run:
    """What is finished of a cross-validation."""

    plan: Plan
    rows: TrainingRows
    folds: Sequence[Fold]
    store: RunStore
    progress: Progress
    done: dict[tuple[str, int, int], Outcome] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def params_of(self, titles: Iterable[str], fold: Fold) -> dict[str, Params]:
        return {title: self.done[title, fold.repeat, fold.fold].params for title in titles}

    def take(self, outcome: Outcome) -> None:
        self.done[outcome.title, outcome.fold.repeat, outcome.fold.fold] = outcome
        value = metric_value(self.plan.metric, self.rows.target[outcome.fold.test], outcome.scores)
        self.values.setdefault(outcome.title, []).append(value)
        self.progress.advance(f"{outcome.title}, fold {outcome.fold.fold}", self._best())

    def _best(self) -> float | None:
        """The best mean of those that are through all folds."""
        means = [float(np.mean(each)) for each in self.values.values() if len(each) == len(self.folds)]
        if not means:
            return None
        return max(means) if self.plan.greater_is_better else min(means)


def cross_validate(
    plan: Plan, rows: TrainingRows, folds: Sequence[Fold], store: RunStore, progress: Progress
) -> tuple[CandidateResult, ...]:
    """Results of all candidates in the file's order, then of the baselines.

    An average comes after the candidates that it averages, with the parameters that these found in the same fold.
    """
    run = _Run(plan, rows, folds, store, progress)
    simple = [each.title for each in plan.candidates if each.algorithm]
    averages = [each.title for each in plan.candidates if each.average]
    progress.start(len(folds) * (len(plan.candidates) + len(BASELINES[plan.task])), "cross-validation")
    _finish(run, [*BASELINES[plan.task], *simple])
    _finish(run, averages)
    return tuple(_result(run, title) for title in [*(each.title for each in plan.candidates), *BASELINES[plan.task]])


def in_parallel(plan: Plan, work: Callable[..., Result], calls: Sequence[tuple[Any, ...]]) -> Iterator[Result]:
    """Results as they come, by the backend and number of jobs that `joblib.parallel_config` sets; else one by one."""
    with threadpool_limits(plan.threads):
        yield from Parallel(return_as="generator_unordered")(
            delayed(_limited)(plan.threads, work, each) for each in calls
        )


def _limited(threads: int, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    # Set in the worker too: OpenMP keeps its number of threads for each thread.
    with threadpool_limits(threads):
        return work(*arguments)


def _finish(run: _Run, titles: Sequence[str]) -> None:
    calls: list[tuple[Any, ...]] = []
    for title in titles:
        for fold in run.folds:
            stored = run.store.load(_name(title, fold))
            if stored is None:
                calls.append((run.plan, run.rows, title, fold, _members(run, title, fold)))
            else:
                about = stored.about
                scores = stored.arrays["scores"]
                run.take(Outcome(title, fold, scores, about["params"], about["value"], about["seconds"]))
    for outcome in in_parallel(run.plan, _run_one, calls):
        about = {"params": outcome.params, "value": outcome.value, "seconds": outcome.seconds}
        run.store.save(_name(outcome.title, outcome.fold), Stored(about, {"scores": outcome.scores}))
        run.take(outcome)


def _run_one(plan: Plan, rows: TrainingRows, title: str, fold: Fold, members: Mapping[str, Params]) -> Outcome:
    began = time.perf_counter()
    training = rows.take(fold.train)
    candidate = plan.candidate(title)
    params: dict[str, Value] = {}
    value = None
    if candidate is not None:
        found = search(plan, candidate, training, f"repeat {fold.repeat} fold {fold.fold}")
        params, value = found.params, found.value
    fitted = fit(plan, title, params, training, members)
    scores = predict(fitted.pipeline, rows.frame.iloc[fold.test])
    return Outcome(title, fold, scores, fitted.params, value, time.perf_counter() - began)


def _members(run: _Run, title: str, fold: Fold) -> dict[str, Params]:
    candidate = run.plan.candidate(title)
    return run.params_of(candidate.average, fold) if candidate else {}


def _name(title: str, fold: Fold) -> str:
    return f"{title}.repeat{fold.repeat}.fold{fold.fold}"


def _result(run: _Run, title: str) -> CandidateResult:
    candidate = run.plan.candidate(title)
    outcomes = [run.done[title, fold.repeat, fold.fold] for fold in run.folds]
    algorithm = (candidate.algorithm or "average") if candidate else title.removeprefix("baseline_")
    return CandidateResult(
        name=title,
        algorithm=algorithm,
        params=_best_params(run.plan, outcomes),
        is_baseline=candidate is None,
        folds=tuple(FoldScores(each.fold.repeat, each.fold.fold, each.fold.test, each.scores) for each in outcomes),
        seconds=sum(each.seconds for each in outcomes),
    )


def _best_params(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Value]:
    sign = 1 if plan.greater_is_better else -1
    return max(outcomes, key=lambda each: -np.inf if each.value is None else sign * each.value).params
