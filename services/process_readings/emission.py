"""Which windows of a device are due: when the watermark passes their end, on each later change, and when final."""

from headrace.records import Window
from process_readings.counts import Counts
from process_readings.device_state import DeviceState
from process_readings.event_time import LONG_US, WIDTHS, final_before, floor
from process_readings.series import Series
from process_readings.windows import windows_of


def advance(device: DeviceState, watermark: int, counts: Counts) -> list[Window]:
    """Moves a device's watermark and returns the windows that are due.

    A window that is both due for the first time and final is emitted once, as final.
    """
    old, finals_from = device.watermark, device.final_before
    watermark = max(watermark, old)
    finals_until = max(finals_from, final_before(watermark, device.lateness))
    due = _changed(device, finals_until, counts) if device.changed else []
    ranges = [(width, max(floor(old, width), finals_until), floor(watermark, width)) for width in WIDTHS]
    has_finals = finals_until > finals_from
    for series in device.series.values():
        for width, since, until in ranges:
            if since < until:
                found = windows_of(device.name, series, since, until, width)
                if series.emitted and found:
                    found = _unless_emitted(device, series, found)
                counts.windows += len(found)
                due += found
            if has_finals:
                found = windows_of(device.name, series, finals_from, finals_until, width, final=True)
                counts.finals += len(found)
                due += found
    device.advance(watermark)
    return due


def open_windows(device: DeviceState, counts: Counts) -> list[Window]:
    """The windows that the watermark has not passed, as they are; it does not move."""
    due: list[Window] = []
    for series in device.series.values():
        found: list[Window] = []
        for width in WIDTHS:
            start = floor(device.watermark, width)
            found += windows_of(device.name, series, max(start, device.final_before), start + LONG_US, width)
        counts.windows += len(found)
        due += found
        series.emitted = {(window.start, window.width): window.count for window in found} or None
    device.mark_all()
    return due


def _changed(device: DeviceState, finals_until: int, counts: Counts) -> list[Window]:
    due: list[Window] = []
    for metric, (start, width) in device.changed:
        if start >= finals_until:
            due += windows_of(device.name, device.series[metric], start, start + width, width)
    device.changed.clear()
    counts.revisions += len(due)
    return due


def _unless_emitted(device: DeviceState, series: Series, windows: list[Window]) -> list[Window]:
    """The windows without those that were emitted like this while the device was quiet."""
    emitted = series.emitted or {}
    device.mark(series)
    return [window for window in windows if emitted.pop((window.start, window.width), -1) != window.count]
