"""Many `RobustLevel`s in one table: numpy judges a batch of readings, with verdicts and states that are
equal to those of `RobustLevel` to the bit.

They are equal since both use sums, products, quotients and comparisons alone, in the same order, in which IEEE 754
leaves no choice. What is rare (the first readings, events and so all anomalies) is done by `RobustLevel` itself.
"""

from collections.abc import Iterable, Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from process_readings.detect import robust_level as rule
from process_readings.detect.detector import Verdict
from process_readings.detect.packed_numbers import pack_doubles
from process_readings.detect.robust_level import RobustLevel

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
Mask = NDArray[np.bool_]
Found = list[tuple[int, Verdict]]
"""Positions of anomalies among the readings, in order, and their verdicts."""

VECTOR_FROM = 20
"""From so many series on numpy is cheaper than a loop over them."""
_COUNT, _LEVEL, _SPREAD, _TAIL, _STEP, _LAST, _EVENT = range(7)
_LEARNED = 6
"""The columns up to `_LAST`, which change with each reading."""
_NUMBERS = 11
_THRESHOLD, _WARM_UP = _NUMBERS, _NUMBERS + 1
_COLUMNS = _NUMBERS + 2
_ROW = Struct(f"={_NUMBERS}d")
_ROW_BYTES = 8 * _COLUMNS


class LevelPool:
    """Detectors by row number, each with the parameters of the prototype that it was added with."""

    def __init__(self) -> None:
        self._table: Floats = np.zeros((64, _COLUMNS))
        self._prototypes: list[RobustLevel | None] = []
        self._first: dict[int, list[float]] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._prototypes) - len(self._free)

    def add(self, prototype: RobustLevel, state: bytes | None = None, steps: int = 0) -> int:
        """The row of a new detector.

        Args:
            prototype: gives the parameters; rows may share it, as its own state does not count.
            state: what `RobustLevel.state` or `state` gave, to go on from there.
            steps: as `RobustLevel.heed` takes them.

        Raises:
            ValueError: it is no state of the present version.
        """
        row = self._free.pop() if self._free else self._new_row()
        self._prototypes[row] = prototype
        self._table[row] = 0.0
        self._table[row, _THRESHOLD:] = prototype.threshold_after(steps), prototype.warm_up
        self._first[row] = []
        if state is not None:
            prototype.restore(state)
            self._store(row, prototype)
        return row

    def release(self, row: int) -> None:
        """Forgets a detector."""
        self._prototypes[row] = None
        self._first.pop(row, None)
        self._free.append(row)

    def heed(self, row: int, steps: int) -> None:
        """As `RobustLevel.heed`."""
        self._table[row, _THRESHOLD] = self._prototype(row).threshold_after(steps)

    def state(self, row: int) -> bytes:
        """As `RobustLevel.state`."""
        first = self._first.get(row)
        if first is not None:
            return pack_doubles((float(len(first)), *first))
        numbers = self._table[row]
        return bytes(numbers[: _NUMBERS if numbers[_EVENT] else _EVENT].tobytes())

    def observe(self, rows: Sequence[int], values: Sequence[float]) -> Found:
        """Judges readings and learns them, those of one row in their order.

        Args:
            rows: each reading's detector.
            values: as many, within `robust_level.LARGEST`.
        """
        if len(rows) < VECTOR_FROM:
            return self._observe_each(range(len(rows)), rows, values)
        found: Found = []
        of_row, of_value = np.array(rows, np.intp), np.array(values, np.float64)
        by_turn, sizes = _turns(of_row)
        begin = 0
        for size in sizes:
            if size < VECTOR_FROM:
                break
            turn = by_turn[begin : begin + size]
            rare = turn[self._observe_turn(of_row[turn], of_value[turn])]
            found += self._observe_each(rare.tolist(), rows, values)
            begin += size
        found += self._observe_each(np.sort(by_turn[begin:]).tolist(), rows, values)
        return sorted(found)

    def _observe_turn(self, rows: Positions, values: Floats) -> Positions:
        """Learns one reading of each row; returns the positions of those that are left to `RobustLevel`."""
        count, level, spread, tail, step, last, event, *_, threshold, warm_up = self._table[rows].T.copy()
        unchanged = step == 0.0
        is_unchanged = unchanged if unchanged.any() else None
        width = _widths(level, spread, tail, step, values, is_unchanged)
        distance = values - level
        size = np.abs(distance)
        # Both comparisons, as rounding may let them differ: one is the verdict's and one is the event's.
        with np.errstate(over="ignore"):  # infinite is beyond
            is_beyond = (size / width > threshold) | (size > threshold * width)
        is_rare = (is_beyond & (count >= warm_up)) | (event != 0.0) | (count < rule.START)
        size = np.minimum(size, rule.CLIP * width)
        move = rule.TAIL_RATE * rule.TAIL_SPREADS * width
        moved = np.where(size > tail, move * (1.0 - rule.TAIL), -move * rule.TAIL)
        new = np.empty((len(rows), _LEARNED))
        new[:, _COUNT] = count + 1.0
        new[:, _LEVEL] = level + rule.LEVEL_WEIGHT * np.copysign(size, distance)
        new[:, _SPREAD] = spread + rule.SPREAD_WEIGHT * (rule.SIGMA_OF_MEAN_DISTANCE * size - spread)
        new[:, _TAIL] = np.maximum(0.0, tail + moved)
        new[:, _STEP] = _steps(step, last, values, is_unchanged)
        new[:, _LAST] = values
        if not is_rare.any():
            self._table[rows, :_LEARNED] = new
            return _NONE
        common = ~is_rare
        self._table[rows[common], :_LEARNED] = new[common]
        return np.flatnonzero(is_rare)

    def _observe_each(self, positions: Iterable[int], rows: Sequence[int], values: Sequence[float]) -> Found:
        """Lets `RobustLevel` observe readings, those of one row in the order of the positions."""
        of_rows: dict[int, list[int]] = {}
        for position in positions:
            of_rows.setdefault(rows[position], []).append(position)
        found: Found = []
        for row, own in of_rows.items():
            first = self._first.get(row)
            if first is not None and len(first) + len(own) < rule.START:
                first.extend([values[position] for position in own])
                self._table[row, _COUNT] = len(first)
                continue
            model = self._load(row)
            for position in own:
                verdict = model.observe(values[position], 0)
                if verdict is not None and verdict.is_anomaly:
                    found.append((position, verdict))
            self._store(row, model)
        return sorted(found)

    def _load(self, row: int) -> RobustLevel:
        model = self._prototype(row)
        model.threshold = float(self._table[row, _THRESHOLD])
        model.restore_numbers(_ROW.unpack_from(self._table.data, row * _ROW_BYTES), self._first.pop(row, []))
        return model

    def _prototype(self, row: int) -> RobustLevel:
        prototype = self._prototypes[row]
        if prototype is None:
            raise KeyError(f"row {row} is free")
        return prototype

    def _store(self, row: int, model: RobustLevel) -> None:
        numbers = model.numbers()
        _ROW.pack_into(self._table.data, row * _ROW_BYTES, *numbers)
        if numbers[_COUNT] < rule.START:
            self._first[row] = model.first
        else:
            self._first.pop(row, None)

    def _new_row(self) -> int:
        if len(self._prototypes) == len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        self._prototypes.append(None)
        return len(self._prototypes) - 1


def _turns(rows: Positions) -> tuple[Positions, list[int]]:
    """The positions ordered by how many of the same row come before, and how many positions each such turn has."""
    by_row = np.argsort(rows, kind="stable")
    ordered = rows[by_row]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(starts, append=len(rows))
    turn = np.arange(len(rows)) - np.repeat(starts, counts)
    return by_row[np.argsort(turn, kind="stable")], np.bincount(turn).tolist()


def _widths(
    level: Floats, spread: Floats, tail: Floats, step: Floats, values: Floats, is_unchanged: Mask | None
) -> Floats:
    """`RobustLevel`'s width."""
    least = np.maximum(spread, rule.TINY)
    size = np.abs(level)
    changing = np.maximum(np.maximum(least, tail / rule.TAIL_SPREADS), np.maximum(0.5 * step, rule.ROUNDING * size))
    if is_unchanged is None:
        return changing
    unchanged = np.maximum(least, rule.UNSEEN_SPREAD * np.maximum(size, np.abs(values)))
    return np.where(is_unchanged, unchanged, changing)


def _steps(smallest: Floats, last: Floats, values: Floats, is_unchanged: Mask | None) -> Floats:
    """`RobustLevel`'s resolution after a reading."""
    step = np.abs(values - last)
    faster = smallest + rule.STEP_SHRINK * (step - smallest)
    followed = np.where(step < smallest, faster, smallest * rule.STEP_GROWTH)
    if is_unchanged is not None:
        followed = np.where(is_unchanged, step, followed)
    return np.where(step > rule.ROUNDING * np.abs(values), followed, smallest)


_NONE: Positions = np.empty(0, np.intp)
