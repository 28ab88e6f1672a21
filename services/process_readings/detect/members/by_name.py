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
from process_readings.detect.members.time_of_week import TimeOfWeek
from process_readings.detect.members.trend import Trend

MEMBERS: Mapping[str, Callable[[], Member]] = {
    "time_of_day": TimeOfDay,
    "recent_level": RecentLevel,
    "mean_2": lambda: MovingMean(2),
    "mean_8": lambda: MovingMean(8),
    "time_of_week": TimeOfWeek,
    "own_period": OwnPeriod,
    "forecast": Forecast,
    "trend": Trend,
    "distribution": Distribution,
    "pace": Pace,
    "stuck": Stuck,
}
USUAL_MEMBERS = ("time_of_day", "recent_level", "mean_2", "mean_8", "own_period")
"""What most series need. None of the others finds more of what is labelled in nab-dev, or with fewer false alarms."""


def make_members(names: Iterable[str]) -> list[Member]:
    """Fresh members, in the order of the names.

    Raises:
        ValueError: there is none of a name, a name comes twice, or there are no names.
    """
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if name not in MEMBERS]
    if unknown or not names:
        wrong = f"no member {unknown[0]!r}" if unknown else "members are missing"
        raise ValueError(f"{wrong}; choose from {', '.join(MEMBERS)}")
    if len(set(names)) < len(names):
        raise ValueError(f"members {', '.join(names)}: each can be there only once")
    return [MEMBERS[name]() for name in names]
