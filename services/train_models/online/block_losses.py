"""Losses of versions on the same periods, added up by blocks of time, and whether one is better beyond chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from train_models.judging.paired_tests import PairedTest
from train_models.judging.resampling import DRAWS, drawn_counts

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class BlockLosses:
    """One value per block, in their order.

    Attributes:
        starts: seconds since 1970.
        periods: how many all versions predicted.
        labels: sums of the outcomes: of a probability how often it came.
        base: sums of the losses of the forecast without a model.
        of: version → sums of its losses.
    """

    starts: Array
    periods: Array
    labels: Array
    base: Array
    of: Mapping[int, Array]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def count(self) -> int:
        """Periods of all blocks."""
        return int(self.periods.sum())

    def mean(self, losses: Array, is_root: bool) -> float:
        """Of one period, or its root; NaN where there is none."""
        return float(_mean(np.ones((1, len(self))), losses, self.periods, is_root)[0]) if len(self) else float("nan")


def block_bootstrap(
    blocks: BlockLosses, first: Array, second: Array, is_root: bool, *, draws: int = DRAWS, seed: int = 0
) -> PairedTest:
    """The difference of two mean losses over the same periods; less is better.

    Blocks of time are drawn, each with all of its series: devices that stand beside each other see the same weather,
    and a period is like the one before, so single periods, or series, would look like more evidence than they are. The
    series are those that there are, and what is to be told is how it would be in another time: Künsch, "The jackknife
    and the bootstrap for general stationary observations", Annals of Statistics 17, 1989. The p-value is the level at
    which the percentile interval ends at zero, as of `judging.paired_tests.paired_bootstrap`.

    Args:
        first: sums of the candidate's losses by block.
        second: sums of the other's.
        is_root: whether roots of mean losses are compared, as of RMSE.
    """
    drawn = np.concatenate(
        [
            _mean(counts, first, blocks.periods, is_root) - _mean(counts, second, blocks.periods, is_root)
            for counts in drawn_counts(blocks.periods, False, draws, seed)
        ]
    )
    difference = blocks.mean(first, is_root) - blocks.mean(second, is_root)
    low, high = np.quantile(drawn, [0.025, 0.975])
    side = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p_value = min(1.0, 2 * (side + 1) / (len(drawn) + 1))
    return PairedTest("paired block bootstrap", difference, float(p_value), float(low), float(high), -difference)


def _mean(counts: Array, losses: Array, periods: Array, is_root: bool) -> Array:
    mean: Array = (counts @ losses) / (counts @ periods)
    return np.sqrt(mean) if is_root else mean
