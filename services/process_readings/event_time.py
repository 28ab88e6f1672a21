"""Event time: the widths of windows, where windows start, and when they are final. In microseconds UTC."""

SHORT_US = 10_000_000
LONG_US = 60_000_000
WIDTHS = (SHORT_US, LONG_US)
BEGINNING = -(1 << 62)
"""Watermark of a device of which nothing is known."""

Span = tuple[int, int]
"""Start and width of a window."""


def floor(time: int, width: int) -> int:
    """The start of the window of this width that holds a time."""
    return time - time % width


def final_before(watermark: int, lateness: int) -> int:
    """Windows that start before this are final, of both widths, so that a reading is in both or in neither."""
    return floor(watermark - lateness, LONG_US)
