"""Whether a candidate may become the champion: pure rules on scores of the same hold-out rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.models.manifest import Task
from train_models.judging.metrics import GREATER_IS_BETTER, is_constant, metric_value
from train_models.judging.paired_tests import PairedTest, compare_decisions, paired_bootstrap
from train_models.judging.slices import too_few
from train_models.registry.gate_spec import Gates
from train_models.registry.slice_gate import Groups, slice_drops

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Gate:
    """One condition.

    Attributes:
        passed: None where it is told and decides nothing.
        detail: the figures.
    """

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class Scored:
    """A version's scores of rows, and the threshold of its decisions."""

    name: str
    scores: Array
    threshold: float | None


@dataclass(frozen=True)
class Verdict:
    """What all gates say."""

    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether the candidate may become the champion."""
        return all(gate.passed is not False for gate in self.gates)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the gates that it didn't pass."""
        return tuple(gate.name for gate in self.gates if gate.passed is False)


def least_gates(gates: Gates, target: Array, candidate: Scored) -> Iterator[Gate]:
    """One for each least value (most, of an error) on the hold-out."""
    for metric, wanted in gates.least.items():
        value = metric_value(metric, target, candidate.scores, candidate.threshold)
        greater = GREATER_IS_BETTER[metric]
        passed = value >= wanted if greater else value <= wanted
        yield Gate(f"{'least' if greater else 'most'} {metric}", bool(passed), f"{value:.4f}, wanted {wanted:g}")


def comparison_gates(
    gates: Gates,
    metric: str,
    task: Task,
    target: Array,
    candidate: Scored,
    other: Scored,
    groups: Groups = (),
    clusters: Array | None = None,
) -> Iterator[Gate]:
    """Better than the other on the same rows, and nowhere clearly worse.

    The test of the decisions is told and decides nothing: a threshold that was chosen for recall or by cost gives up
    accuracy on purpose.

    Args:
        groups: input, group and a mask over the rows.
        clusters: of rows that hang together, see `train_models.judging.resampling`.
    """
    if problem := too_few(task, target, clusters):
        yield Gate(f"better than {other.name}", False, problem)
        return
    thresholds = (candidate.threshold, other.threshold)
    found = paired_bootstrap(
        metric, task, target, candidate.scores, other.scores, thresholds=thresholds, clusters=clusters
    )
    told = _comparison(metric, target, candidate, other, found)
    yield Gate(f"better than {other.name}", found.is_better(gates.alpha), told)
    if task == "classification":
        test = compare_decisions(target, candidate.scores, other.scores, thresholds, clusters=clusters)
        yield Gate(f"decisions ({test.test})", None, f"accuracy {test.difference:+.4f}, p = {test.p_value:.3g}")
    yield from _slice_gates(gates, metric, task, target, candidate, other, groups, clusters)


def baseline_gates(
    gates: Gates,
    metric: str,
    task: Task,
    target: Array,
    candidate: Scored,
    baselines: dict[str, Array],
    clusters: Array | None = None,
) -> Iterator[Gate]:
    """Better than the baselines that say the same of every row, and not clearly worse than the others.

    A straight line may be the best that there is, so a first version need not beat it.
    """
    if not baselines:
        yield Gate("better than the baselines", False, "the training has none to compare with")
    for name, scores in baselines.items():
        other = Scored(f"baseline {name.removeprefix('baseline_')}", scores, None)
        if is_constant(scores):
            yield from comparison_gates(gates, metric, task, target, candidate, other, clusters=clusters)
        elif not too_few(task, target, clusters):
            thresholds = (candidate.threshold, other.threshold)
            found = paired_bootstrap(
                metric, task, target, candidate.scores, scores, thresholds=thresholds, clusters=clusters
            )
            told = _comparison(metric, target, candidate, other, found)
            yield Gate(f"not worse than {other.name}", not found.is_worse(gates.alpha), told)


def _slice_gates(
    gates: Gates,
    metric: str,
    task: Task,
    target: Array,
    candidate: Scored,
    other: Scored,
    groups: Groups,
    clusters: Array | None,
) -> Iterator[Gate]:
    if not groups:
        return
    own, before = (candidate.scores, candidate.threshold), (other.scores, other.threshold)
    judged = slice_drops(metric, task, target, own, before, groups, clusters)
    if not judged:
        yield Gate("slices", None, f"none of {len(groups)} groups has rows enough to be judged")
        return
    worse = [
        f"{each.input} {each.group}: {each.own:.4f}, was {each.before:.4f} ({each.rows} rows, down {each.drop:.4f}, "
        f"surely {each.surely:.4f})"
        for each in judged
        if each.is_clear(gates.slice_drop)
    ]
    told = f"none of {len(judged)} is clearly worse by more than {gates.slice_drop:g}"
    if small := len(groups) - len(judged):
        told += f"; {small} more can't be judged"
    yield Gate("slices", not worse, "; ".join(worse) or told)


def _comparison(metric: str, target: Array, candidate: Scored, other: Scored, found: PairedTest) -> str:
    own = metric_value(metric, target, candidate.scores, candidate.threshold)
    before = metric_value(metric, target, other.scores, other.threshold)
    interval = f"{found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    return f"{metric} {own:.4f} against {before:.4f} on {len(target)} rows: {interval}, p = {found.p_value:.3g}"
