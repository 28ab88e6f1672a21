"""An event as a client sends it: one JSON object, validated and brought to one form."""

from dataclasses import dataclass
from typing import get_args

import msgspec

from headrace.interactions.fields import Fields, shown
from headrace.interactions.limits import MAX_ID, MAX_ITEM, Limits
from headrace.interactions.personal import split_personal
from headrace.interactions.records import Attribute, Kind
from headrace.subjects.subject import session_name, user_name

KINDS: tuple[Kind, ...] = get_args(Kind)
FUTURE = "future"
"""Flag of an event that its sender's clock put after now: its time is when it was received."""
NO_ID = "no_id"
"""Flag of an event whose sender gave it no id: sent again it counts again."""
_MOST_POSITION = 9_999
_MOST_QUANTITY = 100_000
_DEFAULT = Limits()


@dataclass(frozen=True)
class _Values:
    """What the value of a kind may be, and whether there has to be one."""

    least: float
    most: float
    is_needed: bool
    what: str


_VALUES: dict[str, _Values] = {
    "rating": _Values(0, 10, True, "the rating, from 0 to 10"),
    "dwell": _Values(0, 86_400, True, "the seconds, from 0 to 86,400"),
    "purchase": _Values(0, 1_000_000_000, False, "what it cost in the shop's currency"),
}


class Event(msgspec.Struct, frozen=True, gc=False):
    """What somebody did, before it is told whom it is about under which subject.

    At least one of `user` and `session` is set. `time` is in microseconds UTC. `personal` is what of the context is
    personal, in clear.
    """

    kind: Kind
    time: int
    id: str | None = None
    user: str | None = None
    session: str | None = None
    item: str | None = None
    value: float | None = None
    quantity: int = 1
    recommendation: str | None = None
    position: int | None = None
    consent: bool | None = None
    context: dict[str, Attribute] = {}
    personal: dict[str, Attribute] = {}
    flags: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """The name under which its subject is looked up."""
        return person_of(self.user, self.session)


FIELDS = (frozenset(Event.__struct_fields__) | {"type"}) - {"flags"}
"""Of the object that is sent."""


def person_of(user: str | None, session: str | None) -> str:
    """The name under which the subject of a user, or of an anonymous session, is looked up."""
    return session_name(session or "") if user is None else user_name(user)


def event_of(given: object, now_us: int, limits: Limits = _DEFAULT, user: str | None = None) -> Event:
    """One event.

    Args:
        given: what came of JSON.
        now_us: when it was received, which is its time where it has none.
        user: whose it is where the object names neither a user nor a session.

    Raises:
        Refused: with every field that is wrong.
    """
    fields = Fields(given, FIELDS, "event")
    kind = _kind(fields)
    event = _read(fields, kind, now_us, limits, user)
    if kind is not None:
        _check_kind(fields, event)
    fields.check()
    return event


def _read(fields: Fields, kind: Kind | None, now_us: int, limits: Limits, user: str | None) -> Event:
    named, session = who(fields)
    if named is None and session is None and not (fields.has("user") or fields.has("session")):
        named = user
        if user is None:
            fields.fault("user", "nobody is named", "send user, or session for somebody who isn't known")
    time, is_ahead = _time(fields, now_us, limits)
    plain, personal = _context(fields)
    event_id = fields.word("id", MAX_ID)
    flags = ((FUTURE,) if is_ahead else ()) + (() if event_id else (NO_ID,))
    return Event(
        kind or "view",
        time,
        event_id,
        named,
        session,
        fields.text("item", MAX_ITEM),
        _value(fields, kind),
        _quantity(fields, kind),
        fields.word("recommendation", MAX_ID),
        fields.integer("position", 0, _MOST_POSITION),
        fields.flag("consent"),
        plain,
        personal,
        flags,
    )


def who(fields: Fields) -> tuple[str | None, str | None]:
    """User and session of an object."""
    user, session = fields.text("user", MAX_ID), fields.text("session", MAX_ID)
    try:
        if user is not None:
            user_name(user)
    except ValueError as error:
        fields.fault("user", str(error), "send the id of a session as session")
    return user, session


def _kind(fields: Fields) -> Kind | None:
    if fields.has("kind") and fields.has("type"):
        fields.fault("type", "there is kind too, which means the same", "leave one of them out")
        return None
    name = "type" if fields.has("type") else "kind"
    given = fields.raw(name)
    if isinstance(given, str) and given in KINDS:
        return given
    problem = "it is missing" if given is None else f"there is no kind {shown(given)}"
    fields.fault(name, problem, f"send one of {', '.join(KINDS)}")
    return None


def _time(fields: Fields, now_us: int, limits: Limits) -> tuple[int, bool]:
    time = fields.instant("time")
    if time is None:
        return now_us, False
    if time > now_us + limits.max_ahead_us:
        ahead = limits.max_ahead_us / 1_000_000
        fields.fault("time", f"it is over {ahead:g} s after now", "set the clock, or leave time out")
    if limits.max_age_us is not None and time < now_us - limits.max_age_us:
        days = limits.max_age_us / 86_400_000_000
        fields.fault("time", f"it is over {days:g} days ago", "import old events by a source")
    return min(time, now_us), time > now_us


def _value(fields: Fields, kind: Kind | None) -> float | None:
    if kind is None or not fields.has("value"):
        return None
    taken = _VALUES.get(kind)
    if taken is None:
        fields.fault("value", f"a {kind} has none", f"leave it out; of these it is taken: {', '.join(_VALUES)}")
        return None
    return fields.number("value", taken.least, taken.most)


def _quantity(fields: Fields, kind: Kind | None) -> int:
    if kind not in ("cart", "purchase", None) and fields.has("quantity"):
        fields.fault("quantity", f"a {kind} has none", "leave it out; it is of cart and purchase")
        return 1
    quantity = fields.integer("quantity", 1, _MOST_QUANTITY)
    return 1 if quantity is None else quantity


def _context(fields: Fields) -> tuple[dict[str, Attribute], dict[str, Attribute]]:
    if not (fields.has("context") or fields.has("personal")):
        return {}, {}
    plain, found = split_personal(fields.attributes("context"))
    return plain, {**found, **fields.attributes("personal")}


def _check_kind(fields: Fields, event: Event) -> None:
    kind = event.kind
    if kind == "consent":
        if not fields.has("consent"):
            fields.fault("consent", "it is missing", "send true or false: whether the person lets us personalise")
        if fields.has("item"):
            fields.fault("item", "a consent has none", "leave it out")
    else:
        if not fields.has("item"):
            fields.fault("item", "it is missing", f"send the id of the item of this {kind}")
        if event.consent is not None:
            fields.fault("consent", f"a {kind} has none", "leave it out, or send an event of kind consent")
    taken = _VALUES.get(kind)
    if taken is not None and taken.is_needed and not fields.has("value"):
        fields.fault("value", "it is missing", f"send {taken.what}")
    if event.position is not None and event.recommendation is None and not fields.has("recommendation"):
        fields.fault("position", "it is a place in no answer", "send recommendation, the answer's id, beside it")
