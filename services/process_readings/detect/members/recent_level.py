"""The member of the ensemble that knows the level of the last readings."""

from process_readings.detect.members.member import how_far
from process_readings.detect.robust_level import RobustLevel

ADOPT = 15
"""Readings in a row far off after which theirs is the level, before it has crept so near that it widens the spread."""


class RecentLevel:
    """Distance from `RobustLevel`'s level, in its spreads; a shift is its new normal after 15 readings."""

    def __init__(self) -> None:
        self._level = RobustLevel(relearn_after=ADOPT)

    def distance(self, value: float, time_us: int) -> float:
        """Spreads between the value and the level."""
        return self._level.distance(value)

    def expected(self, value: float, time_us: int) -> float | None:
        """The level."""
        return self._level.level

    def explain(self, value: float, time_us: int) -> str:
        """Such as `is far from the readings before it: 9.1 spreads above 21.3`."""
        level = self.expected(value, time_us) or 0.0
        return f"is far from the readings before it: {how_far(value, level, self.distance(value, time_us))}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value in."""
        self._level.learn_one(value, time_us)

    def state(self) -> bytes:
        """`RobustLevel`'s."""
        return self._level.state()

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        self._level.restore(state)
