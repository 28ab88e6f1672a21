"""How the last values of a quantity are distributed, against all of them."""

from bisect import bisect_right
from itertools import accumulate
from math import sqrt
from operator import mul, sub
from struct import Struct

from process_readings.detect.members.moving_spread import MovingSpread

BINS = 8
WINDOW = 36
MEMORY = 1000
BEGIN = 60
BLOCK = 8
EDGE_RATE = 0.005
LEAST_SHARE = 0.03
LONG_MEMORY = 6400
WARM_UP = 100
_RATE = 2.0 / (WINDOW + 1.0)
_KEEP = 1.0 - _RATE
_EDGES = BINS - 1
_NORMAL_OCTILES = (-1.15, -0.675, -0.32, 0.0, 0.32, 0.675, 1.15)
_STATE = Struct(f"<{BINS}B{_EDGES + 2 * BINS}dHddHdd")
STATE_BYTES = _STATE.size


class Shares:
    """Shares of eight bins in about the last 36 values and in about the last 1000, and how far apart they usually are.

    The difference is the root of Pearson's chi squared. The bins' edges begin as a normal distribution's octiles and
    follow the values' own, which a Robbins-Monro recursion does; edges and long shares move every eight values.
    """

    def __init__(self) -> None:
        self._edges = [0.0] * _EDGES
        self._faded = [_KEEP / BINS] * BINS  # the last shares, with room for one more value
        self._usual = [1.0 / BINS] * BINS
        self._new = [0] * BINS  # values by bin that are not in the usual shares yet
        self._values = MovingSpread(2, MEMORY)
        self._differences = MovingSpread(2, LONG_MEMORY)
        self._follow()

    def _follow(self) -> None:
        """Sets what follows from the usual shares."""
        self._weights = [1.0 / (share + LEAST_SHARE) for share in self._usual]
        self._prepare()

    def _prepare(self) -> None:
        """Sets what all next values share: the differences without its own bin's part."""
        self._offs = offs = list(map(sub, self._faded, self._usual))
        self._rest = sum(map(mul, self._weights, map(mul, offs, offs)))

    def _difference(self, bin_: int) -> float:
        """With one more value, in this bin."""
        more = self._weights[bin_] * _RATE * (2.0 * self._offs[bin_] + _RATE)
        return sqrt(max(0.0, self._rest + more))

    def distance(self, value: float) -> float:
        """Spreads by which the difference is greater than usual, 0 where it is less."""
        differences = self._differences
        if differences.count < WARM_UP:
            return 0.0
        found = self._difference(bisect_right(self._edges, value))
        return differences.distance(found) if found > differences.level else 0.0

    def oddest(self, value: float) -> str:
        """The bin that differs most, such as `60 % are below 19.9, where usually 13 % are`."""
        bin_ = bisect_right(self._edges, value)
        offs = list(self._offs)
        offs[bin_] += _RATE
        oddest = max(range(BINS), key=lambda at: offs[at] * offs[at] * self._weights[at])
        usual = self._usual[oddest]
        last = max(0.0, usual + offs[oddest])
        return f"{100.0 * last:.0f} % are {self._between(oddest)}, where usually {100.0 * usual:.0f} % are"

    def _between(self, bin_: int) -> str:
        edges = self._edges
        if bin_ == 0:
            return f"below {edges[0]:.4g}"
        if bin_ == _EDGES:
            return f"at or above {edges[-1]:.4g}"
        return f"from {edges[bin_ - 1]:.4g} to {edges[bin_]:.4g}"

    def learn(self, value: float) -> None:
        """Takes a value into the last shares, and each eighth time the new ones into the usual shares."""
        values = self._values
        values.learn(value)
        if values.count < BEGIN:
            return
        if values.count == BEGIN:
            self._edges = [values.level + at * values.spread for at in _NORMAL_OCTILES]
        bin_ = bisect_right(self._edges, value)
        self._differences.learn(self._difference(bin_))
        faded = self._faded
        faded[bin_] += _RATE
        self._faded = [_KEEP * share for share in faded]
        new = self._new
        new[bin_] += 1
        if sum(new) == BLOCK:
            self._learn_new()
        else:
            self._prepare()

    def _learn_new(self) -> None:
        new = self._new
        step = EDGE_RATE * self._values.spread
        wanted = BLOCK / BINS
        edges = enumerate(zip(self._edges, accumulate(new), strict=False), 1)
        self._edges = sorted([edge + step * (wanted * at - below) for at, (edge, below) in edges])
        rate = 1.0 / self._values.count
        keep = 1.0 - BLOCK * rate
        self._usual = [keep * usual + rate * count for usual, count in zip(self._usual, new, strict=True)]
        self._new = [0] * BINS
        self._follow()

    def state(self) -> bytes:
        """228 bytes."""
        numbers = (*self._edges, *self._faded, *self._usual, *self._values.numbers(), *self._differences.numbers())
        return _STATE.pack(*self._new, *numbers)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave."""
        numbers = list(_STATE.unpack(state))
        self._new, numbers = numbers[:BINS], numbers[BINS:]
        self._edges, numbers = numbers[:_EDGES], numbers[_EDGES:]
        self._faded, self._usual, numbers = numbers[:BINS], numbers[BINS : 2 * BINS], numbers[2 * BINS :]
        self._values.restore(*numbers[:3])
        self._differences.restore(*numbers[3:])
        self._follow()
