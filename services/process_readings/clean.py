"""Cleaning: canonical units, physical ranges, values that are no numbers, stuck values, clocks in the future.

Nothing is hidden: a reading that is odd keeps its value and gets a flag.
"""

from math import isfinite

from headrace.records import Anomaly, Reading
from process_readings.detect.detector import Verdict
from process_readings.detection import anomaly_of
from process_readings.metric_plan import BOUND
from process_readings.series import Series
from process_readings.units import IDENTITY

NAN = "nan"
OUT_OF_RANGE = "out_of_range"
STUCK = "stuck"
FUTURE_CLOCK = "future_clock"
UNKNOWN_UNIT = "unknown_unit"
NO_IDENTITY = "no_identity"
LATE = "late"
RETAINED = "retained"
UNTRACKED = "untracked"

NOT_COUNTED = float("nan")
"""Value of a reading that windows and detectors must not see."""


class Range:
    """What an anomaly of the physical range says of its detector."""

    family = "range"
    version = "range/1"


def clean_value(series: Series, reading: Reading) -> float:
    """Brings the reading's number into its canonical unit and flags what is odd about it.

    Returns:
        The value for windows and detectors, or NaN where they must not see the reading: it is not numeric, no finite
        number, or out of range.
    """
    value: float | int | None = reading.number
    if value is None:
        value = reading.integer
        if value is None:
            return NOT_COUNTED
    elif not isfinite(value):
        # JSON has no such number: it would be written as null.
        reading.number, reading.text = None, str(value)
        _flag(reading, NAN)
        return NOT_COUNTED
    plan = series.plan
    factors, unit = plan.unit_change(reading.unit)
    if factors is None:
        _flag(reading, UNKNOWN_UNIT)
        return float(value) if -BOUND <= value <= BOUND else _out_of_range(reading)
    if factors is not IDENTITY:
        reading.number = value = value * factors.scale + factors.offset
        reading.integer = None
    reading.unit = series.unit = unit
    if plan.low <= value <= plan.high:
        return float(value)
    return _out_of_range(reading)


def _out_of_range(reading: Reading) -> float:
    _flag(reading, OUT_OF_RANGE)
    return NOT_COUNTED


def _flag(reading: Reading, flag: str) -> None:
    if flag not in reading.flags:
        reading.flags = (*reading.flags, flag)


def is_stuck(series: Series, value: float, time: int) -> bool:
    """Takes a value into the run of equal ones and says whether the run is too long by the metric's rule."""
    rule = series.plan.rule.stuck
    if rule is None:
        return False
    if value != series.run_value:
        series.run_value, series.run_length, series.run_since = value, 1, time
        return False
    series.run_length += 1
    long_enough = series.run_length >= rule.count and time - series.run_since >= rule.seconds * 1e6
    return long_enough and value not in rule.ignore


def range_anomaly(series: Series, reading: Reading) -> Anomaly:
    """The anomaly of a value that is physically impossible: its score is 1 at the limit, and 2 a whole range beyond."""
    value = float(reading.number if reading.number is not None else reading.integer or 0)
    low, high = series.plan.low, series.plan.high
    is_above = value > high
    limit = high if is_above else low
    width = min(high - low, BOUND)
    side = "above the greatest" if is_above else "below the least"
    reason = f"{value:g} is {side} possible value {limit:g}{' ' + reading.unit if reading.unit else ''}"
    verdict = Verdict(1.0 + abs(value - limit) / width, 1.0, True, reason, None)
    return anomaly_of(reading, value, verdict, Range)
