"""River's exponential smoothing with a trend, judged by the error of its forecast."""

from collections import deque
from math import isfinite
from struct import Struct
from typing import Protocol, cast

from river import time_series

from process_readings.detect.detector import Verdict
from process_readings.detect.packed_numbers import pack_doubles, unpack_doubles
from process_readings.detect.robust_level import LARGEST, RobustLevel

_FIRST = 2
_CLIP = 4.0
_COUNTS = Struct("<5I")


class _Forecaster(Protocol):
    """What is used of River's model, which has no annotations; `_first_values` until it is `_initialized`."""

    level: deque[float]
    trend: deque[float]
    season: deque[float] | None
    _first_values: list[float]
    _initialized: bool

    def learn_one(self, y: float) -> None: ...

    def forecast(self, horizon: int) -> list[float]: ...


class HoltWinters:
    """Distance of a reading from River's one-step Holt-Winters forecast, in robust spreads of that forecast's errors.

    For series with a trend, and with `period` for a fixed season. The forecaster learns at most 4 spreads of an error,
    so that an outlier bends neither level nor trend.

    Forecast: P. R. Winters, "Forecasting Sales by Exponentially Weighted Moving Averages" (1960).

    Args:
        threshold: score above which a reading is an anomaly.
        alpha, beta, gamma: weights of a new reading in level, trend and season, 0 to 1.
        period: readings in a season; 0 for none.
    """

    family = "holt_winters"
    version = "holt_winters/1"

    def __init__(
        self, threshold: float = 8.0, alpha: float = 0.3, beta: float = 0.02, gamma: float = 0.1, period: int = 0
    ) -> None:
        if not (0.0 < alpha <= 1.0 and 0.0 < beta <= 1.0 and 0.0 < gamma <= 1.0) or period < 0 or period == 1:
            raise ValueError("alpha, beta and gamma must be above 0 and at most 1, period 0 or at least 2")
        season = {"gamma": gamma, "seasonality": period} if period else {}
        model = time_series.HoltWinters(alpha=alpha, beta=beta, **season)  # type: ignore[no-untyped-call]  # River has no annotations
        self._forecaster = cast(_Forecaster, model)
        self._errors = RobustLevel(threshold)
        self._untaught = max(_FIRST, period)

    def score_one(self, value: float, time_us: int) -> Verdict | None:
        """Spreads between the value and its forecast; None in the first readings or where it is not finite."""
        if self._untaught or not -LARGEST <= value <= LARGEST:
            return None
        return self._explain(value, self._forecast(), time_us)

    def learn_one(self, value: float, time_us: int) -> None:
        """Takes a reading into the forecaster and its error into what is usual."""
        self.observe(value, time_us)

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """`score_one`, then `learn_one`, with one forecast."""
        if not -LARGEST <= value <= LARGEST:
            return None
        if self._untaught:
            self._teach(value)
            return None
        forecast = self._forecast()
        verdict = self._explain(value, forecast, time_us)
        error = value - forecast
        self._errors.learn_one(error, time_us)
        if verdict is not None and verdict.score > _CLIP:
            error *= _CLIP / verdict.score
        self._forecaster.learn_one(forecast + error)
        return verdict

    def heed(self, steps: int) -> None:
        """Moves the threshold by 15 % a step."""
        self._errors.heed(steps)

    def state(self) -> bytes:
        """About 150 bytes, and 8 for each reading of a season."""
        forecaster = self._forecaster
        first = [] if forecaster._initialized else forecaster._first_values
        parts = (forecaster.level, forecaster.trend, forecaster.season or (), first)
        numbers = b"".join(pack_doubles(part) for part in parts)
        return _COUNTS.pack(self._untaught, *map(len, parts)) + numbers + self._errors.state()

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: it is no state of this version and season.
        """
        if len(state) < _COUNTS.size:
            raise ValueError(f"{len(state)} bytes are no state of {self.version}")
        untaught, *counts = _COUNTS.unpack_from(state)
        end = _COUNTS.size + 8 * sum(counts)
        numbers = iter(unpack_doubles(state[_COUNTS.size : end]))
        forecaster = self._forecaster
        level, trend, season, forecaster._first_values = ([next(numbers) for _ in range(count)] for count in counts)
        forecaster.level.extend(level)
        forecaster.trend.extend(trend)
        if forecaster.season is not None:
            forecaster.season.extend(season)
        forecaster._initialized = untaught == 0
        self._untaught = untaught
        self._errors.restore(state[end:])

    def _teach(self, value: float) -> None:
        """Takes one of the first readings, of which the last gives level, trend and season."""
        self._untaught -= 1
        forecaster = self._forecaster
        try:
            # A Python float: River takes other numbers for something else.
            forecaster.learn_one(float(value))
        except ZeroDivisionError:
            forecaster._initialized = True
        # River divides the first season by its mean, which may be 0 or next to it; what it adds later are differences.
        season = forecaster.season
        if self._untaught == 0 and season is not None and not (season and all(map(isfinite, season))):
            season.clear()
            season.extend(first - forecaster.level[-1] for first in forecaster._first_values)

    def _forecast(self) -> float:
        return self._forecaster.forecast(1)[0]

    def _explain(self, value: float, forecast: float, time_us: int) -> Verdict | None:
        """The verdict on the error, in terms of the reading."""
        verdict = self._errors.score_one(value - forecast, time_us)
        if verdict is None or verdict.expected is None:
            return None
        expected = forecast + verdict.expected
        if not verdict.is_anomaly:
            return Verdict(verdict.score, verdict.threshold, False, "", expected)
        side = "above" if value > expected else "below"
        reason = f"{value:.6g} is {verdict.score:.3g} spreads {side} the forecast {expected:.6g}"
        return Verdict(verdict.score, verdict.threshold, True, reason, expected)
