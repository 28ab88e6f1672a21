"""Puts a candidate to the gates against the champion, or against the baselines where there is none yet."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from headrace.errors import HeadraceError
from headrace.models.manifest import Task
from train_models.judging.resampling import clusters_of, part_of
from train_models.judging.slices import groups_of, too_few
from train_models.registry.gate_spec import Gates
from train_models.registry.gates import Gate, Scored, Verdict, baseline_gates, comparison_gates, least_gates
from train_models.registry.hold_out import HoldOut, unseen_by

Array = np.ndarray[Any, Any]
Score = Callable[[pd.DataFrame], Array]


class Champion:
    """The version to beat.

    Args:
        name: as the verdict calls it.
        score: scores rows; raises HeadraceError where it can't, as when its artifact is gone.
        threshold: of its decisions.
        hold_out: of its own training; None where that is not known here.
    """

    def __init__(self, name: str, score: Score, threshold: float | None, hold_out: HoldOut | None) -> None:
        self.name = name
        self.score = score
        self.threshold = threshold
        self.hold_out = hold_out


def judge_candidate(
    gates: Gates, task: Task, slices: tuple[str, ...], candidate: HoldOut, champion: Champion | None
) -> Verdict:
    """What the gates say of a candidate.

    Against a champion only rows count that it was not fitted on: of others it knows the answers.

    Args:
        slices: inputs by whose values the hold-out is judged apart.
    """
    target, clusters = candidate.rows.target, clusters_of(candidate.rows)
    metric = gates.metric or candidate.metric
    own = Scored("candidate", candidate.scores[candidate.chosen], candidate.threshold)
    first = tuple(least_gates(gates, target, own))
    if champion is None:
        return Verdict((*first, *baseline_gates(gates, metric, task, target, own, candidate.baselines, clusters)))
    return Verdict((*first, *_against_champion(gates, metric, task, slices, candidate, own, champion)))


def _against_champion(
    gates: Gates,
    metric: str,
    task: Task,
    slices: tuple[str, ...],
    candidate: HoldOut,
    own: Scored,
    champion: Champion,
) -> list[Gate]:
    title = f"better than {champion.name}"
    if champion.hold_out is None:
        return [
            Gate(title, False, f"which rows {champion.name} was fitted on isn't known here, so it can't be compared")
        ]
    unseen = unseen_by(champion.hold_out, candidate.rows, candidate.has_ids)
    if unseen is None:
        problem = f"{champion.name} has other inputs and rows have no ids, so which it was fitted on can't be told"
        return [Gate(title, False, problem)]
    frame, target, clusters = candidate.rows.frame, candidate.rows.target[unseen], clusters_of(candidate.rows)
    clusters = part_of(clusters, unseen)
    told = [Gate("rows to compare on", None, _share_told(unseen, champion.name, clusters))]
    # Before the champion scores: some algorithms can't score no rows at all.
    if problem := too_few(task, target, clusters):
        return [*told, Gate(title, False, problem)]
    try:
        scores = champion.score(frame[unseen])
    except HeadraceError as error:
        return [*told, Gate(title, False, f"{champion.name} can't score these rows: {error}")]
    names = [name for name in slices if name in frame]
    if missing := sorted(set(slices) - set(names)):
        told.append(Gate("slices that can't be judged", None, f"the candidate has no input {', '.join(missing)}"))
    groups = [
        (field, group, mask[unseen]) for field, group, mask in groups_of(candidate.rows.inputs, names, frame, frame)
    ]
    ours = Scored(own.name, own.scores[unseen], own.threshold)
    other = Scored(champion.name, scores, champion.threshold)
    return [*told, *comparison_gates(gates, metric, task, target, ours, other, groups, clusters)]


def _share_told(unseen: Array, name: str, clusters: Array | None) -> str:
    kept, rows = int(unseen.sum()), len(unseen)
    left_out = f"; {rows - kept} that {name} was fitted on don't count" if kept < rows else ""
    of_groups = "" if clusters is None else f" of {len(np.unique(clusters))} groups, which are drawn as wholes"
    return f"{kept} of {rows} hold-out rows{of_groups}{left_out}"
