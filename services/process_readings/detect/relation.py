"""What the values of several metrics let expect of one of them."""

from collections.abc import Iterator, Sequence
from math import sqrt

MEMORY = 6400
START = 10
CLIP = 8.0
ROUNDING = 1e-6  # devices that send float32 repeat a value with errors of this size


class Relation:
    """Exponentially weighted mean and covariance of values that belong together; of the first ones all count alike.

    The residual of a metric is what is left of its value when the others are known: the error of its regression on
    them, which follows from the inverse of the correlations. These are shrunk towards none, the more the fewer readings
    there were, so that the inverse exists. A value that has not moved yet relates to nothing.

    A reading counts for at most 8 spreads of each metric, so that one wrong value bends a relation little.

    Regression-adjusted variables: D. M. Hawkins, "Multivariate Quality Control Based on Regression-Adjusted Variables"
    (1991). Shrinkage: O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices"
    (2004), here by a fixed rule. All is in plain floats in a fixed order: a linear algebra library's results differ by
    machine, and a restart elsewhere would not go on to the bit.

    Args:
        dimension: how many values there are, each within ±1e100.
    """

    __slots__ = ("_count", "_covariance", "_mean", "dimension")

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._count = 0
        self._mean = [0.0] * dimension
        self._covariance = [[0.0] * (row + 1) for row in range(dimension)]

    def spreads(self) -> list[float]:
        """Standard deviation by metric; 0 where it has not moved, or by no more than rounding."""
        spreads = []
        for at, mean in enumerate(self._mean):
            spread = sqrt(self._covariance[at][at])
            spreads.append(spread if spread > ROUNDING * abs(mean) else 0.0)
        return spreads

    def residuals(self, values: Sequence[float], spreads: Sequence[float]) -> list[float] | None:
        """By metric, in its spreads; 0 where it has none. None of all among the first readings."""
        if self._count < START:
            return None
        off = [
            (value - mean) / spread if spread else 0.0
            for value, mean, spread in zip(values, self._mean, spreads, strict=True)
        ]
        found = []
        for row, entries in enumerate(_inverse(self._correlations(spreads))):
            weighted = sum([entry * each for entry, each in zip(entries, off, strict=True)])
            found.append(weighted / entries[row])
        return found

    def _correlations(self, spreads: Sequence[float]) -> list[list[float]]:
        dimension = self.dimension
        kept = self._count / (self._count + dimension)
        matrix = [[0.0] * dimension for _ in range(dimension)]
        for row, entries in enumerate(self._covariance):
            matrix[row][row] = 1.0
            for column in range(row):
                if spreads[row] and spreads[column]:
                    found = kept * (entries[column] / spreads[row] / spreads[column])
                    matrix[row][column] = matrix[column][row] = found
        return matrix

    def learn(self, values: Sequence[float]) -> None:
        """Takes values that came together."""
        if self._count < MEMORY:
            self._count += 1
        if self._count == 1:
            self._mean = list(values)
            return
        rate = 1.0 / self._count
        if self._count > START:
            self._begin_to_move(values)
        off = [value - mean for value, mean in zip(values, self._mean, strict=True)]
        if self._count > START:
            off = [self._clip(at, each) for at, each in enumerate(off)]
        for at, each in enumerate(off):
            self._mean[at] += rate * each
            entries = self._covariance[at]
            for other in range(at + 1):
                entries[other] += rate * ((1.0 - rate) * each * off[other] - entries[other])

    def shift(self, at: int, by: float) -> None:
        """Goes on as if all values of a metric had been so much greater."""
        self._mean[at] += by

    def _begin_to_move(self, values: Sequence[float]) -> None:
        """A first step is taken for the metric's spread: by the usual weight it would be too little for long."""
        for at, spread in enumerate(self.spreads()):
            off = values[at] - self._mean[at]
            if not spread and abs(off) > ROUNDING * abs(self._mean[at]):
                self._mean[at] = values[at]
                self._covariance[at][at] = off * off

    def _clip(self, at: int, off: float) -> float:
        most = CLIP * sqrt(self._covariance[at][at])
        return min(max(off, -most), most) if most else off

    def numbers(self) -> Iterator[float]:
        """Count, means and covariances, which are the whole state: `size` of them."""
        yield float(self._count)
        yield from self._mean
        for entries in self._covariance:
            yield from entries

    @property
    def size(self) -> int:
        """How many `numbers` there are."""
        return 1 + self.dimension + self.dimension * (self.dimension + 1) // 2

    def restore(self, numbers: Sequence[float]) -> None:
        """Takes what `numbers` gave."""
        self._count = int(numbers[0])
        at = 1 + self.dimension
        self._mean = list(numbers[1:at])
        for row in range(self.dimension):
            self._covariance[row] = list(numbers[at : at + row + 1])
            at += row + 1


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """Of a positive definite matrix, by elimination."""
    dimension = len(matrix)
    rows = [entries + [float(at == row) for at in range(dimension)] for row, entries in enumerate(matrix)]
    for at in range(dimension):
        pivot = rows[at][at]
        unit = rows[at] = [entry / pivot for entry in rows[at]]
        for row in range(dimension):
            factor = rows[row][at]
            if row != at and factor:
                rows[row] = [entry - factor * each for entry, each in zip(rows[row], unit, strict=True)]
    return [entries[dimension:] for entries in rows]
