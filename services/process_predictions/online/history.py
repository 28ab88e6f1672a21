"""What is remembered of a metric's past periods, and the features that follow from it."""

from math import cos, isnan, nan, pi, sin, sqrt
from struct import Struct

_DAY_S = 86_400
_FIRST_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""
_SATURDAY = 5
_PROFILE_WEIGHT = 0.1
_MOVED_KEPT = 0.999
_HEAD = Struct("<qdd")
NEVER = -(2**63)
LIMIT = 1e100
"""Values beyond it, either way, are no measurements; squares of those within it are finite."""


class History:
    """The last season of periods, and the usual season: one for weekdays and one for weekends, where it is a day.

    Args:
        season: periods after which things come again.
        period_s: seconds of a period.

    Attributes:
        number: of the newest period that had a value; `NEVER` before the first.
    """

    __slots__ = ("_moved", "_profile", "_ring", "_season", "_splits_week", "_weight", "number", "period_s")

    def __init__(self, season: int, period_s: int) -> None:
        self.number = NEVER
        self.period_s = period_s
        self._season = season
        self._splits_week = season * period_s == _DAY_S
        # Last season's value and its change reach one further back than a season.
        self._ring = [nan] * (season + 2)
        self._profile = [nan] * (2 * season)
        self._moved = self._weight = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was seen yet."""
        return self.number == NEVER

    @property
    def last(self) -> float:
        """The newest value: what a forecast without a model says."""
        return self._ring[self.number % len(self._ring)]

    @property
    def scale(self) -> float:
        """Root mean square of the change from one value to the next, slowly forgetting; 1 where none is known.

        Also where it isn't within 1e-100 and 1e100: nothing could be divided by it.
        """
        root = sqrt(self._moved / self._weight) if self._moved > 0.0 else 1.0
        return root if 1.0 / LIMIT <= root <= LIMIT else 1.0

    @property
    def knows_scale(self) -> bool:
        """Whether a change was seen."""
        return self._weight > 0.0

    def slot(self, number: int) -> int:
        """The place of a period in its season."""
        return number % self._season

    def take(self, number: int, value: float) -> None:
        """Takes the value of a period after all that were taken."""
        ring = self._ring
        if not self.is_empty:
            change = value - self.last
            self._moved = self._moved * _MOVED_KEPT + change * change
            self._weight = self._weight * _MOVED_KEPT + 1.0
            for skipped in range(max(self.number + 1, number - len(ring)), number):
                ring[skipped % len(ring)] = nan
        ring[number % len(ring)] = value
        self.number = number
        place = self._place(number)
        usual = self._profile[place]
        self._profile[place] = value if isnan(usual) else usual + _PROFILE_WEIGHT * (value - usual)

    def features(self, number: int) -> dict[str, float]:
        """What `headrace.models.online.MEAN_FEATURES` are for a period that is still to come, in the metric's unit.

        A change is from a period to the next; a level is a value less the newest one. What is not known is no change.
        """
        last = self.last
        second, third = _or(self._ago(number, 2), last), _or(self._ago(number, 3), last)
        season, before_season = self._ago(number, self._season), self._ago(number, self._season + 1)
        usual, usual_before = self._profile[self._place(number)], self._profile[self._place(number - 1)]
        angle = 2.0 * pi * self.slot(number) / self._season
        return {
            "change_1": last - second,
            "change_2": second - third,
            "change_season": _or(season - before_season, 0.0),
            "level_season": _or(season - last, 0.0),
            "change_profile": _or(usual - usual_before, 0.0),
            "level_profile": _or(usual_before - last, 0.0),
            "sin": sin(angle),
            "cos": cos(angle),
        }

    def pack(self) -> bytes:
        """24 bytes, and eight for each remembered value: 616 for a season of 24."""
        values = (*self._ring, *self._profile)
        return _HEAD.pack(self.number, self._moved, self._weight) + Struct(f"<{len(values)}d").pack(*values)

    def restore(self, content: bytes) -> None:
        """Takes what `pack` gave.

        Raises:
            ValueError: it is of another season.
        """
        size = len(self._ring)
        numbers = Struct(f"<{size + len(self._profile)}d")
        if len(content) != _HEAD.size + numbers.size:
            raise ValueError(f"{len(content)} bytes are no history of a season of {self._season}")
        self.number, self._moved, self._weight = _HEAD.unpack_from(content)
        values = numbers.unpack_from(content, _HEAD.size)
        self._ring, self._profile = list(values[:size]), list(values[size:])

    def _ago(self, number: int, periods: int) -> float:
        at = number - periods
        # A place of the ring holds an older value where nothing newer came.
        return self._ring[at % len(self._ring)] if self.number - len(self._ring) < at <= self.number else nan

    def _place(self, number: int) -> int:
        day = number * self.period_s // _DAY_S
        is_weekend = self._splits_week and (day + _FIRST_WEEKDAY) % 7 >= _SATURDAY
        return self._season * is_weekend + self.slot(number)


def _or(value: float, other: float) -> float:
    return other if isnan(value) else value
