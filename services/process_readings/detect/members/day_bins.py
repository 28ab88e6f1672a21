"""The parts of a day that members tell apart, in UTC."""

BINS = 8
"""Of three hours each."""
DAY_S = 86_400
BIN_US = DAY_S // BINS * 1_000_000
LASTING = 3 * BINS
"""Bins, which are three days: longer than a weekend."""


def bin_of_day(time_us: int) -> int:
    """Of a time in microseconds since 1970."""
    return time_us // BIN_US % BINS
