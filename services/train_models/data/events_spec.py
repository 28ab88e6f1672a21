"""What a model file says of rows that are made of events: one row per entity and cut, with only what was before it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from headrace.errors import ConfigurationError

CUT = "cut"
"""The column with the moment as of which a row is."""
ALL = "*"
"""In place of a column: the events themselves are counted."""
MAX_CUTS = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

AggregateName = Literal["count", "sum", "mean", "min", "max", "last", "distinct", "days_since_last", "days_since_first"]
_NAMES: tuple[AggregateName, ...] = get_args(AggregateName)
_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no duration: give a number with s, m, h, d or w, such as 30d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]


class Bound(_Spec):
    """Numbers above or below one, or between two; the bounds themselves are outside."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("give above, below or both")
        return self


Condition = Bound | bool | float | str


class Aggregate(_Spec):
    """One number or value of an entity's events; exactly one of the aggregates, with the column it is of.

    `count` and `distinct` count values, and `count: "*"` events. `days_since_*` are of the events whose column has a
    value. Without events, counts and sums are 0 and others are missing.

    Attributes:
        times: column that the one of sum, mean, min or max is multiplied with, such as a price with a quantity.
        within: only events at most so long before the cut; all before it where nothing is said.
        where: column → value that it must have, or a bound.
    """

    count: str | None = None
    sum: str | None = None
    mean: str | None = None
    min: str | None = None
    max: str | None = None
    last: str | None = None
    distinct: str | None = None
    days_since_last: str | None = None
    days_since_first: str | None = None
    times: str | None = None
    within: Duration | None = None
    where: dict[str, Condition] = {}

    @model_validator(mode="after")
    def _times_a_number(self) -> Self:
        if self.times is not None and not any((self.sum, self.mean, self.min, self.max)):
            raise ValueError("times: only what sum, mean, min and max are of can be multiplied")
        return self

    @model_validator(mode="after")
    def _one_aggregate(self) -> Self:
        given = [name for name in _NAMES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_NAMES)}; given: {', '.join(given) or 'none'}")
        if self.column == ALL and self.name not in ("count", "days_since_last", "days_since_first"):
            raise ValueError(f"{self.name}: {ALL!r} can only be counted; name a column")
        return self

    @property
    def name(self) -> AggregateName:
        """Which aggregate it is."""
        return next(name for name in _NAMES if getattr(self, name) is not None)

    @property
    def column(self) -> str:
        """What it is of."""
        return str(getattr(self, self.name))


class EventLabel(Aggregate):
    """What is predicted: an aggregate of the events in (cut, cut + within], or that there is none.

    Attributes:
        none_within: true where the entity has no event (that `where` takes) for so long after the cut.
    """

    none_within: Duration | None = None

    @model_validator(mode="after")
    def _one_aggregate(self) -> Self:
        given = [name for name in _NAMES if getattr(self, name) is not None]
        if (self.none_within is not None) == bool(given):
            raise ValueError("give none_within, or one aggregate with its within")
        if self.none_within is not None and self.within is not None:
            raise ValueError("within: none_within says it already")
        if given and (len(given) > 1 or self.within is None or self.name.startswith("days_since")):
            raise ValueError("give one of count, sum, mean, min, max, last and distinct, and how far it looks: within")
        return self

    @property
    def horizon(self) -> timedelta:
        """How far after the cut it looks."""
        found = self.none_within or self.within
        if found is None:
            raise ValueError("a label without a horizon")
        return found


class Cuts(_Spec):
    """Moments from `from` to `until`, both included, one every so often; without a zone they are UTC.

    Without `from` they begin at the first event, rounded up to a multiple of `every` since 1970. Without `until` they
    end at the last one whose label can't change any more.
    """

    every: Duration
    first: datetime | None = Field(None, alias="from")
    until: datetime | None = None

    @model_validator(mode="after")
    def _are_some(self) -> Self:
        if self.first is not None and self.until is not None:
            if _utc(self.first) > _utc(self.until):
                raise ValueError("from is after until")
            if (_utc(self.until) - _utc(self.first)) // self.every >= MAX_CUTS:
                raise ValueError(f"more than {MAX_CUTS} cuts")
        return self

    def moments(self, oldest: datetime, newest: datetime) -> list[datetime]:
        """All of them, rising.

        Args:
            oldest: the first event.
            newest: the last moment whose label can't change any more.

        Raises:
            ConfigurationError: they would be too many.
        """
        first = -(-(oldest - _EPOCH) // self.every) * self.every + _EPOCH if self.first is None else _utc(self.first)
        until = newest if self.until is None else _utc(self.until)
        count = max(0, (until - first) // self.every + 1)
        if count > MAX_CUTS:
            raise ConfigurationError(
                f"events.cuts: one every {self.every} from {first:%Y-%m-%d %H:%M:%S} to {until:%Y-%m-%d %H:%M:%S} are "
                f"{count:,}, and at most {MAX_CUTS:,} are made: give a longer `every`, or `from`, `until` or the "
                "topic's `since`"
            )
        return [first + number * self.every for number in range(count)]


class Events(_Spec):
    """How event rows become one row per entity and cut.

    Attributes:
        entity: column that says whom or what an event is of; events without one are left out.
        time: column with the event's time.
        where: only events that fulfil it are looked at, for features and label alike.
        seen_within: only entities with an event so long before the cut are rows; all seen before where it isn't given.
        features: name → aggregate of the events before the cut. Conditions of their own come on top of `where`.
    """

    entity: str
    time: str
    cuts: Cuts | Annotated[tuple[datetime, ...], Field(min_length=1, max_length=MAX_CUTS)]
    features: dict[str, Aggregate] = Field(min_length=1)
    label: EventLabel
    where: dict[str, Condition] = {}
    seen_within: Duration | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        # SQL takes names that differ in capitals alone for the same.
        names = [name.casefold() for name in (CUT, self.entity, *self.features)]
        if len(set(names)) < len(names):
            raise ValueError(f"features: each needs a name of its own; {CUT!r} and the entity's name are taken")
        return self

    def moments(self, oldest: datetime, newest: datetime) -> list[datetime]:
        """The cuts, rising, each once; see `Cuts.moments`."""
        found = self.cuts.moments(oldest, newest) if isinstance(self.cuts, Cuts) else map(_utc, self.cuts)
        return sorted(set(found))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
