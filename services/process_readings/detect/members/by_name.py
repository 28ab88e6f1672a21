"""The ensemble's members by the name under which `deploy/device_types.yaml` chooses them."""

from collections.abc import Callable, Iterable, Mapping

from process_readings.detect.members.distribution import Distribution
from process_readings.detect.members.forecast import Forecast
from process_readings.detect.members.member import Member
from process_readings.detect.members.moving_mean import MovingMean
from process_readings.detect.members.own_period import OwnPeriod
from process_readings.detect.members.pace import Pace
from process_readings.detect.members.recent_level import RecentLevel
from process_readings.detect.members.stuck import Stuck
from process_readings.detect.members.time_of_day import TimeOfDay
from process_readings.detect.members.trend import Trend
from process_readings.detect.members.weekly_rhythm import WeeklyRhythm

MEMBERS: Mapping[str, Callable[[], Member]] = {
    "time_of_day": TimeOfDay,
    "recent_level": RecentLevel,
    "mean_2": lambda: MovingMean(2),
    "mean_8": lambda: MovingMean(8),
    "own_period": OwnPeriod,
    "forecast": Forecast,
    "trend": Trend,
    "distribution": Distribution,
    "pace": Pace,
    "stuck": Stuck,
}
WEEKLY_RHYTHM = "weekly_rhythm"
"""Chosen like a member: what it knows is taken from the values that the members see."""
AS_SENT = (Stuck,)
"""Kinds of members that see values as they were sent all the same."""
USUAL_MEMBERS = ("time_of_day", "recent_level", "mean_2", "mean_8", "own_period", WEEKLY_RHYTHM)
"""What most series need. None of the others finds more of what is labelled in nab-dev, or with fewer false alarms."""


def make_members(names: Iterable[str]) -> tuple[list[Member], WeeklyRhythm | None]:
    """Fresh members, in the order of the names, and the rhythm where it is among them.

    Raises:
        ValueError: there is no member of a name, a name comes twice, or there are no members.
    """
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if name not in MEMBERS and name != WEEKLY_RHYTHM]
    if unknown or not set(names) - {WEEKLY_RHYTHM}:
        wrong = f"no member {unknown[0]!r}" if unknown else "members are missing"
        raise ValueError(f"{wrong}; choose from {', '.join((*MEMBERS, WEEKLY_RHYTHM))}")
    if len(set(names)) < len(names):
        raise ValueError(f"members {', '.join(names)}: each can be there only once")
    rhythm = WeeklyRhythm() if WEEKLY_RHYTHM in names else None
    return [MEMBERS[name]() for name in names if name != WEEKLY_RHYTHM], rhythm
