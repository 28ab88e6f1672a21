"""How good a variant is, judged prequentially: each prediction by its outcome, before the variant learns from it.

A. P. Dawid, "Present Position and Potential Developments: The Prequential Approach" (J. R. Statist. Soc. A 147, 1984).
"""

from math import log, sqrt
from struct import Struct
from typing import NamedTuple, Self

_KEPT = 0.99
_STRUCT = Struct("<Id4d4d2d")


class Loss(NamedTuple):
    """What one prediction cost, and what a forecast without a model would have.

    Of a mean `first` is the absolute error and `squared` the squared one, in the metric's unit; of a probability they
    are log loss and Brier score.
    """

    first: float
    squared: float
    base_first: float
    base_squared: float


def loss_of_mean(predicted: float, base: float, value: float) -> Loss:
    """Of a forecast, beside that of the last value."""
    error, base_error = predicted - value, base - value
    return Loss(abs(error), error * error, abs(base_error), base_error * base_error)


def loss_of_probability(predicted: float, base: float, came: bool) -> Loss:
    """Of a probability within (0, 1), beside that of the share of late."""
    return Loss(*_log_and_brier(predicted, came), *_log_and_brier(base, came))


class Figures:
    """Sums over all outcomes of a series, and over those of late, of which each weighs 0.99 of the next.

    Attributes:
        count: outcomes.
        predicted, observed: sums of the predictions and of the outcomes: equal where probabilities are calibrated.
    """

    __slots__ = ("_late", "_sums", "_weight", "count", "observed", "predicted")

    def __init__(self) -> None:
        self.count = 0
        self.predicted = self.observed = 0.0
        self._weight = 0.0
        self._sums: tuple[float, ...] = (0.0,) * 4
        self._late: tuple[float, ...] = (0.0,) * 4

    @property
    def mean(self) -> Loss:
        """Over all; the roots of the squared parts are the root mean squares."""
        return Loss(*(value / max(self.count, 1) for value in self._sums))

    @property
    def late(self) -> Loss:
        """Of late."""
        return Loss(*(value / max(self._weight, 1.0) for value in self._late))

    @property
    def rmse(self) -> tuple[float, float]:
        """Root mean square over all, and that of a forecast without a model."""
        return sqrt(self.mean.squared), sqrt(self.mean.base_squared)

    def take(self, loss: Loss, predicted: float, observed: float) -> None:
        """Takes one outcome."""
        self.count += 1
        self._weight = self._weight * _KEPT + 1.0
        self._sums = tuple(old + new for old, new in zip(self._sums, loss, strict=True))
        self._late = tuple(old * _KEPT + new for old, new in zip(self._late, loss, strict=True))
        self.predicted += predicted
        self.observed += observed

    def pack(self) -> bytes:
        """92 bytes."""
        return _STRUCT.pack(self.count, self._weight, *self._sums, *self._late, self.predicted, self.observed)

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """Takes what `pack` gave, at the beginning of content."""
        figures = cls()
        figures.count, figures._weight, *sums, figures.predicted, figures.observed = _STRUCT.unpack_from(content)
        figures._sums, figures._late = tuple(sums[:4]), tuple(sums[4:])
        return figures


FIGURES_SIZE = _STRUCT.size


def _log_and_brier(probability: float, came: bool) -> tuple[float, float]:
    return -log(probability if came else 1.0 - probability), (probability - came) ** 2
