"""How fast the counts of items fade."""

HOUR = 3_600_000_000
DAY = 24 * HOUR
HALF_LIVES = (6.0 * HOUR, 1.0 * DAY, 5.0 * DAY, 30.0 * DAY)
"""Microseconds, rising: today, this day, this week, this month."""
