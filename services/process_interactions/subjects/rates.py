"""Tells machines from people by how much they do: rates that decay, with different limits for falling in and out."""

import math
from dataclasses import dataclass

import msgspec

from headrace.interactions.records import Interaction

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Limits:
    """More than a person does, in interactions.

    Attributes:
        per_minute: of event time, impressions left out: they come by the page.
        per_day: of event time, all kinds.
        per_day_of_append: whatever times the sender gives; above what an import of a person's history has.
        calm: share of each limit below which one that was flagged counts as a person again.
    """

    per_minute: float = 240.0
    per_day: float = 10_000.0
    per_day_of_append: float = 50_000.0
    calm: float = 0.25


class Rates(msgspec.Struct, array_like=True, gc=False):
    """Counts that decay exponentially, each as of its time in microseconds: of a steady sender, its minute or day."""

    minute: float = 0.0
    minute_at: int = 0
    day: float = 0.0
    day_at: int = 0
    appended: float = 0.0
    appended_at: int = 0

    def take(self, interaction: Interaction, appended: int) -> None:
        """Counts one."""
        time = interaction.time
        if interaction.kind != "impression":
            self.minute, self.minute_at = _counted(self.minute, self.minute_at, time, MINUTE_US)
        self.day, self.day_at = _counted(self.day, self.day_at, time, DAY_US)
        self.appended, self.appended_at = _counted(self.appended, self.appended_at, appended, DAY_US)

    def is_absurd(self, limits: Limits) -> bool:
        """Whether one of them is over its limit."""
        return self.minute > limits.per_minute or self.day > limits.per_day or self.appended > limits.per_day_of_append

    def is_calm(self, limits: Limits) -> bool:
        """Whether all are well below their limits."""
        calm = limits.calm
        return (
            self.minute < limits.per_minute * calm
            and self.day < limits.per_day * calm
            and self.appended < limits.per_day_of_append * calm
        )


def _counted(value: float, at: int, time: int, unit: int) -> tuple[float, int]:
    if time >= at:
        return value * math.exp((at - time) / unit) + 1.0, time
    return value + math.exp((time - at) / unit), at
