"""The scoring rule of the Numenta Anomaly Benchmark.

A file's windows are what a detector should find. The first detection in a window earns the more the earlier it is; a
detection outside costs the less the shorter after a window it is; a window without one costs too. The first 15 % of a
file are probation and don't count, at most 750 rows. A detection is a row whose score is at least the threshold.

Source: A. Lavin and S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark"
(2015), and the repository numenta/NAB, version 1.1: `nab/sweeper.py` (weights, sweep), `nab/optimizer.py` (threshold)
and `nab/runner.py` (normalisation).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

PROBATION = 0.15
PROBATION_ROWS = 750
_FAR = 3.0
"""Window widths after a window from where on a false positive costs all of its weight."""


@dataclass(frozen=True)
class Profile:
    """What a user weighs; published as a cost matrix. True negatives have a weight there that the rule never uses."""

    name: str
    true_positive: float
    false_positive: float
    false_negative: float


@dataclass(frozen=True)
class MarkedRow:
    """A row after probation.

    Attributes:
        at: its position in the file.
        worth: what a detection there adds to the score; in a window only that of greatest worth counts.
        window: the number of the window that it lies in.
    """

    at: int
    worth: float
    window: int | None


@dataclass(frozen=True)
class Tally:
    """The raw score of some files. `missed` windows have no detection, `false_positives` are rows outside windows."""

    score: float = 0.0
    windows: int = 0
    missed: int = 0
    false_positives: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.score + other.score,
            self.windows + other.windows,
            self.missed + other.missed,
            self.false_positives + other.false_positives,
        )


def probation_rows(rows: int) -> int:
    """How many rows at the start of a file do not count."""
    return min(math.floor(PROBATION * rows), PROBATION_ROWS)


def scaled_sigmoid(position: float) -> float:
    """From 1 to -1 as the position goes from before a window's end (-1: its start) to after it (1: its width later)."""
    return -1.0 if position >= _FAR else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def mark_rows(timestamps: Sequence[str], windows: Iterable[tuple[str, str]], profile: Profile) -> list[MarkedRow]:
    """What a detection in each row after probation is worth.

    A window begins in the first row with its first timestamp and ends in the first with its last, whatever the rows
    between say: timestamps may repeat or step back.
    """
    bounds = [(timestamps.index(first), timestamps.index(last)) for first, last in windows]
    rows = []
    for at in range(probation_rows(len(timestamps)), len(timestamps)):
        window = next((number for number, (first, last) in enumerate(bounds) if first <= at <= last), None)
        if window is None:
            worth = scaled_sigmoid(_distance_after(at, bounds)) * profile.false_positive
        else:
            first, last = bounds[window]
            position = (at - last - 1) / (last - first + 1)
            worth = scaled_sigmoid(position) / scaled_sigmoid(-1.0) * profile.true_positive
        rows.append(MarkedRow(at, worth, window))
    return rows


def _distance_after(at: int, bounds: Iterable[tuple[int, int]]) -> float:
    """Rows since the last window's end, in widths of that window."""
    before = [(first, last) for first, last in bounds if last < at]
    if not before:
        return _FAR
    first, last = max(before, key=itemgetter(1))
    return (at - last) / (last - first) if last > first else _FAR


def tally(rows: Sequence[MarkedRow], scores: Sequence[float], threshold: float, profile: Profile) -> Tally:
    """The raw score of one file.

    Args:
        scores: of all rows of the file.
    """
    best = {row.window: -profile.false_negative for row in rows if row.window is not None}
    detected = set()
    cost, false_positives = 0.0, 0
    for row in rows:
        if not scores[row.at] >= threshold:
            continue
        if row.window is None:
            cost += row.worth
            false_positives += 1
        else:
            best[row.window] = max(best[row.window], row.worth)
            detected.add(row.window)
    return Tally(sum(best.values()) + cost, len(best), len(best) - len(detected), false_positives)


def best_threshold(files: Iterable[tuple[Sequence[MarkedRow], Sequence[float]]], profile: Profile) -> float:
    """The threshold with the greatest sum of raw scores over all files; of equals the highest, which finds least."""
    candidates = [(scores[row.at], number, row) for number, (rows, scores) in enumerate(files) for row in rows]
    candidates = [candidate for candidate in candidates if not math.isnan(candidate[0])]
    candidates.sort(key=itemgetter(0), reverse=True)
    best: dict[tuple[int, int], float] = {}
    total = highest = 0.0
    chosen = math.inf
    for threshold, rows_at_threshold in groupby(candidates, key=itemgetter(0)):
        for _, number, row in rows_at_threshold:
            if row.window is None:
                total += row.worth
                continue
            before = best.setdefault((number, row.window), -profile.false_negative)
            best[number, row.window] = after = max(before, row.worth)
            total += after - before
        if total > highest:
            highest, chosen = total, threshold
    return chosen


def normalise(total: Tally, profile: Profile) -> float:
    """0 for a detector that detects nothing and 100 for one that detects each window in its first row, and no more."""
    null = -profile.false_negative * total.windows
    perfect = profile.true_positive * total.windows
    return 100.0 * (total.score - null) / (perfect - null)
