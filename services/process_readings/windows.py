"""Windows in event time, computed from a device's recent readings: 10 s and 60 s, per metric.

A window's content is what the series holds of its time span, so it depends neither on batches nor on the order of
arrival; sums are exact (`math.fsum`) before they are rounded once. Its revision follows from its content too: twice the
number of its readings, plus one when it is final. Each change has a higher one, a replay has the same.

Windows of both widths become final together, when the longer one's end plus the allowed lateness has passed, so that a
reading is in both or in neither.
"""

from bisect import bisect_left
from itertools import compress
from math import fsum, sqrt

from headrace.records import Window
from process_readings.series import Series

Statistics = tuple[int, float, float, float, float, float, int]
"""Count, min, max, mean, stddev, last, last_time of a window."""


def windows_of(
    name: tuple[str, str], series: Series, since: int, until: int, width: int, final: bool = False
) -> list[Window]:
    """The windows in [since, until), both multiples of the width, in which a reading counts.

    Args:
        name: site and device.
    """
    (site, device), times, found = name, series.times, []
    position, size = bisect_left(times, since), len(times)
    while position < size and (time := times[position]) < until:
        start = time - time % width
        end = position + 1
        if end < size and times[end] < start + width:
            end = bisect_left(times, start + width, end)
        statistics = _statistics(series, position, end)
        if statistics is not None:
            count, least, greatest, mean, stddev, last, last_time = statistics
            revision = 2 * count + final
            # fmt: off
            found.append(Window(
                site, device, series.metric, start, width, count, least, greatest, mean, stddev, last, last_time,
                revision, final, series.unit,
            ))
            # fmt: on
        position = end
    return found


def _statistics(series: Series, first: int, end: int) -> Statistics | None:
    """Of the rows from `first` to `end`; None if no reading of them counts."""
    times = series.times
    last_time = times[end - 1]
    if end - first == 1:
        value = series.values[first]
        # As a sum, a mean of -0 is 0.
        return (1, value, value, value + 0.0, 0.0, value, last_time) if value == value else None
    held = series.values[first:end].tolist()
    total = fsum(held)
    if total != total:
        held_times = list(compress(times[first:end], (value == value for value in held)))
        held = [value for value in held if value == value]
        if not held:
            return None
        total = fsum(held)
        last_time = held_times[-1]
        last = max(value for time, value in zip(held_times, held, strict=True) if time == last_time)
    else:
        ties = end - bisect_left(times, last_time, first, end)
        last = held[-1] if ties == 1 else max(held[-ties:])
    count, least, greatest = len(held), min(held), max(held)
    # The rounded quotient may leave the range of the values by one unit in the last place.
    mean = min(max(total / count, least), greatest)
    stddev = 0.0 if least == greatest else sqrt(fsum([(value - mean) ** 2 for value in held]) / count)
    return count, least, greatest, mean, stddev, last, last_time
