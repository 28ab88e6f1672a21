"""How much of what clients send is taken."""

from dataclasses import dataclass

from headrace.clock import MICROSECONDS

DAY_US = 86_400 * MICROSECONDS
MAX_ID = 128
"""Characters of an event's id, of a user's and of a session's."""
MAX_ITEM = 256
MAX_FIELDS = 32
"""Of `context`, of `personal` and of an item's attributes, each."""
MAX_NAME = 64
MAX_TEXT = 512
"""Characters of one value of theirs."""

MAX_EACH_BYTES = 65_536
"""Of one event or item: above what their fields' limits let in, and below what keeps others waiting."""


@dataclass(frozen=True)
class Limits:
    """Which times are taken.

    Attributes:
        max_age_us: how long before now; None takes any, as an import of old data needs.
        max_ahead_us: how far after now, as a sender's clock may be fast; what is ahead counts as now.
    """

    max_age_us: int | None = 30 * DAY_US
    max_ahead_us: int = 300 * MICROSECONDS
