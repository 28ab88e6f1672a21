"""Windows in event time, computed from a device's recent readings: 10 s and 60 s, per metric.

A window's content is what the series holds of its time span, so it depends neither on batches nor on the order of
arrival; sums are exact (`math.fsum`) before they are rounded once. Its revision follows from its content too: twice the
number of its readings, plus one when it is final. Each change has a higher one, a replay has the same.

Windows of both widths become final together, when the longer one's end plus the allowed lateness has passed, so that a
reading is in both or in neither.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import compress
from math import fsum, sqrt

from headrace.records import Window
from process_readings.event_time import Span, floor
from process_readings.series import Series


def spans(series: Series, since: int, until: int, width: int) -> Iterator[Span]:
    """The windows in [since, until), both multiples of the width, that hold a reading."""
    times = series.times
    position = bisect_left(times, since)
    while position < len(times) and times[position] < until:
        start = floor(times[position], width)
        yield start, width
        position = bisect_left(times, start + width, position)


def window(site: str, device: str, series: Series, span: Span, final: bool) -> Window | None:
    """The statistics of a window, or None if no reading in it counts."""
    start, width = span
    times, values = series.times, series.values
    first = bisect_left(times, start)
    end = bisect_left(times, start + width, first)
    held = values[first:end].tolist()
    total = fsum(held)
    last_time = times[end - 1] if end > first else 0
    if total != total:
        held_times = list(compress(times[first:end], (value == value for value in held)))
        held = [value for value in held if value == value]
        total = fsum(held)
        last_time = held_times[-1] if held else 0
        last = max((value for time, value in zip(held_times, held, strict=True) if time == last_time), default=0.0)
    elif held:
        ties = end - bisect_left(times, last_time, first, end)
        last = held[-1] if ties == 1 else max(held[-ties:])
    if not held:
        return None
    count, least, greatest = len(held), min(held), max(held)
    # The rounded quotient may leave the range of the values by one unit in the last place.
    mean = min(max(total / count, least), greatest)
    return Window(
        site,
        device,
        series.metric,
        start,
        width,
        count,
        least,
        greatest,
        mean,
        0.0 if least == greatest else sqrt(fsum([(value - mean) ** 2 for value in held]) / count),
        last,
        last_time,
        2 * count + final,
        final,
        series.unit,
    )
