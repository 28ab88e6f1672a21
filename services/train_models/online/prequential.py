"""How good a version of an online model was, judged prequentially: each prediction by its outcome."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan, sqrt

from headrace.models.online import OnlineModel

PREFIX = "prequential_"
"""Of a version's metrics in the registry."""


@dataclass(frozen=True)
class Prequential:
    """Means over outcomes, as `loss_sql.periods_query` has the losses.

    Attributes:
        since: start of the first period, microseconds UTC.
        last: start of the last.
        scaled_first: of the errors divided by their series' unit; None where no series has one.
    """

    outcomes: int
    series: int
    since: int
    last: int
    first: float
    squared: float
    base_first: float | None
    base_squared: float | None
    scaled_first: float | None
    scaled_squared: float | None

    @property
    def span(self) -> str:
        """From the first period to the last, as people read it."""
        return f"{_hour(self.since)} to {_hour(self.last)} UTC"

    def metrics(self, model: OnlineModel) -> dict[str, float]:
        """By the names that people know; NaN where the outcomes don't tell it.

        `mase` and `rmsse` are MAE and RMSE in units of the last value's, over series of different units: below 1 is
        better than the last value.
        """
        base_first, base_squared = _or_nan(self.base_first), _or_nan(self.base_squared)
        if model.predicts == "mean":
            return {
                "mase": _or_nan(self.scaled_first),
                "rmsse": sqrt(_or_nan(self.scaled_squared)),
                "mae": self.first,
                "rmse": sqrt(self.squared),
                "base_mae": base_first,
                "base_rmse": sqrt(base_squared),
            }
        return {
            "log_loss": self.first,
            "brier": self.squared,
            "base_log_loss": base_first,
            "base_brier": base_squared,
        }


def _hour(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M}"


def _or_nan(value: float | None) -> float:
    return nan if value is None else value
