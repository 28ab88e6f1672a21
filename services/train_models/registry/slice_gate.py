"""Whether a candidate is clearly worse for a part of the rows than the version it would replace: pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.models.manifest import Task
from train_models.judging.metrics import GREATER_IS_BETTER, metric_value
from train_models.judging.paired_tests import paired_bootstrap
from train_models.judging.resampling import DRAWS, count_of, deviations, part_of
from train_models.judging.slices import too_few

Array = np.ndarray[Any, Any]
Groups = Sequence[tuple[str, str, Array]]
Version = tuple[Array, float | None]
"""Scores of the rows, and the threshold of decisions."""

_RELATIVE = ("rmse", "mae")
"""Metrics in the label's unit, of which a drop is a share."""
_ALPHA = 0.05
"""Over all groups together, two-sided."""


@dataclass(frozen=True)
class SliceDrop:
    """How much worse a candidate is for one group than the other version.

    Attributes:
        drop: of the metric, positive where it is worse; of `rmse` and `mae` a share of the other's.
        surely: lower bound of the drop's interval, as wide as so many groups ask for (Bonferroni).
    """

    input: str
    group: str
    rows: int
    own: float
    before: float
    drop: float
    surely: float

    def is_clear(self, slice_drop: float) -> bool:
        """Whether it is more than the file allows and no chance."""
        return self.drop > slice_drop and self.surely > 0


def slice_drops(
    metric: str,
    task: Task,
    target: Array,
    candidate: Version,
    other: Version,
    groups: Groups,
    clusters: Array | None = None,
    *,
    draws: int = DRAWS,
) -> list[SliceDrop]:
    """Of each group that can be judged.

    The paired bootstrap's interval is stretched from 95 % to what as many looks ask for, as if errors were normal.

    Args:
        groups: input, group and a mask over the rows.
        clusters: of rows that hang together, see `train_models.judging.resampling`.
        draws: of each group's bootstrap.
    """
    judged = [each for each in groups if not too_few(task, target[each[2]], part_of(clusters, each[2]))]
    tail = _ALPHA / 2 / max(1, len(judged))
    found = [_drop(metric, task, target, candidate, other, each, clusters, tail, draws) for each in judged]
    return [each for each in found if np.isfinite(each.drop) and np.isfinite(each.surely)]


def _drop(
    metric: str,
    task: Task,
    target: Array,
    candidate: Version,
    other: Version,
    of: tuple[str, str, Array],
    clusters: Array | None,
    tail: float,
    draws: int,
) -> SliceDrop:
    field, group, mask = of
    chosen, (scores, threshold), (scores_before, threshold_before) = target[mask], candidate, other
    own = metric_value(metric, chosen, scores[mask], threshold)
    before = metric_value(metric, chosen, scores_before[mask], threshold_before)
    test = paired_bootstrap(
        metric,
        task,
        chosen,
        scores[mask],
        scores_before[mask],
        thresholds=(threshold, threshold_before),
        draws=draws,
        clusters=part_of(clusters, mask),
    )
    own_clusters = count_of(part_of(clusters, mask))
    stretch = deviations(tail, own_clusters) / deviations(0.025, own_clusters)
    gain_at_most = test.high - test.difference if GREATER_IS_BETTER[metric] else test.difference - test.low
    unit = abs(before) if metric in _RELATIVE and before else 1.0
    drop, surely = -test.gain / unit, (-test.gain - stretch * gain_at_most) / unit
    return SliceDrop(field, group, int(mask.sum()), own, before, drop, surely)
