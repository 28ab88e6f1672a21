"""The parts of a day that members tell apart, in UTC."""

BINS = 8
"""Of three hours each."""
DAY_S = 86_400


def bin_of_day(time_us: int) -> int:
    """Of a time in microseconds since 1970."""
    return time_us // 1_000_000 % DAY_S * BINS // DAY_S
