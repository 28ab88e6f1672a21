"""Which windows of a device are due: when the watermark passes their end, on each later change, and when final."""

from collections.abc import Iterator

from headrace.records import Window
from process_readings.counts import Counts
from process_readings.event_time import LONG_US, WIDTHS, Span, final_before, floor
from process_readings.series import Series
from process_readings.state import DeviceState
from process_readings.windows import spans, window


def advance(device: DeviceState, watermark: int, counts: Counts) -> Iterator[Window]:
    """Moves a device's watermark and yields the windows that are due; run it to its end.

    A window that is both due for the first time and final is emitted once, as final.
    """
    old, finals_from = device.watermark, device.final_before
    watermark = max(watermark, old)
    finals_until = max(finals_from, final_before(watermark, device.lateness))
    yield from _changed(device, finals_until, counts)
    for series in device.series.values():
        for width in WIDTHS:
            since = max(floor(old, width), finals_until)
            for span in spans(series, since, floor(watermark, width), width):
                if found := _unless_emitted(device, series, span):
                    counts.windows += 1
                    yield found
            for span in spans(series, finals_from, finals_until, width):
                if found := window(device.site, device.device, series, span, final=True):
                    counts.finals += 1
                    yield found
    device.advance(watermark)


def open_windows(device: DeviceState, counts: Counts) -> Iterator[Window]:
    """The windows that the watermark has not passed, as they are; it does not move. Run it to its end."""
    for series in device.series.values():
        emitted: dict[Span, int] = {}
        for width in WIDTHS:
            since = max(floor(device.watermark, width), device.final_before)
            for span in spans(series, since, floor(device.watermark, width) + LONG_US, width):
                if found := window(device.site, device.device, series, span, final=False):
                    emitted[span] = found.count
                    counts.windows += 1
                    yield found
        series.emitted = emitted or None
    device.is_idle = True


def _changed(device: DeviceState, finals_until: int, counts: Counts) -> Iterator[Window]:
    for metric, span in device.changed:
        if span[0] < finals_until:
            continue
        if found := window(device.site, device.device, device.series[metric], span, final=False):
            counts.revisions += 1
            yield found
    device.changed.clear()


def _unless_emitted(device: DeviceState, series: Series, span: Span) -> Window | None:
    """A window, unless it was emitted like this while the device was quiet."""
    found = window(device.site, device.device, series, span, final=False)
    if found and series.emitted and series.emitted.pop(span, -1) == found.count:
        return None
    return found
