"""The events of a message of people: read by the rules of the API, after what its route says of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headrace.errors import Reason, TerminalError
from headrace.interactions.event import FIELDS, NO_ID, Event, event_of
from headrace.interactions.fault import FieldFault, Refused
from headrace.interactions.fields import WRONG, content_of, words_of
from headrace.interactions.limits import MAX_EACH_BYTES, Limits
from headrace.subjects.subject import Subject
from ingest_mqtt.mqtt_packets import Publish
from ingest_mqtt.personal_routes import PersonalRoute, PersonalTarget
from ingest_mqtt.record_headers import ID_PROPERTY
from ingest_mqtt.topic_pattern import fill, placeholders

MAX_EVENTS = 1_000
"""Of one message, and `MAX_BYTES` of its body, as of one request."""
MAX_BYTES = 1_048_576
_ID_BYTES = 16
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class _Many(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


_MANY = msgspec.json.Decoder(_Many)


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that isn't taken: its place, what it was, and what is wrong with it."""

    place: int
    content: object
    faults: tuple[FieldFault, ...]


@dataclass(slots=True)
class Message:
    """The events of one message.

    Attributes:
        events: place and event of those that are right.
        refused: the others.
        error: why none of it can be read.
    """

    events: list[tuple[int, Event]] = field(default_factory=list)
    refused: list[RefusedEvent] = field(default_factory=list)
    error: TerminalError | None = None


def read_message(payload: bytes, target: PersonalTarget, now_us: int, limits: Limits) -> Message:
    """One event, a list of events, or `{"events": [...]}`.

    Args:
        now_us: when it came, which is the time of an event that has none.
    """
    try:
        each = _split(payload)
    except TerminalError as error:
        return Message(error=error.with_traceback(None))
    message = Message()
    for place, raw in enumerate(each):
        content: object = None
        try:
            content = content_of(raw, "event")
            event = event_of(_as_the_api_takes_it(content, target), now_us, limits)
            message.events.append((place, event))
        except Refused as refused:
            message.refused.append(RefusedEvent(place, content, refused.faults))
    return message


def with_id(event: Event, place: int, message_id: bytes, subject: Subject) -> Event:
    """The event with an id of the message's, where it has none and the message has one.

    Nobody can guess from it what it was made of, such as a topic.

    Args:
        message_id: what is the same when the message comes again; empty where there is nothing.
    """
    if event.id is not None or not message_id:
        return event
    digest = hashlib.blake2b(message_id, key=subject.key, digest_size=_ID_BYTES, person=b"message")
    flags = tuple(flag for flag in event.flags if flag != NO_ID)
    return msgspec.structs.replace(event, id=f"{digest.hexdigest()}-{place}", flags=flags)


def message_id_of(publish: Publish) -> bytes:
    """The sender's own id of a message, user property `id` or Correlation Data, with its topic; or nothing."""
    properties = publish.properties
    if properties is None:
        return b""
    own = next((value for name, value in properties.user if name == ID_PROPERTY and value), b"")
    kind, found = (b"i", own) if own else (b"c", properties.correlation)
    return b"%d/%b/%b%b" % (len(publish.topic), publish.topic, kind, found) if found else b""


def _split(payload: bytes) -> list[msgspec.Raw]:
    if not payload.strip():
        raise TerminalError(Reason.EMPTY_BODY, "there is no event in it")
    if len(payload) > MAX_BYTES:
        raise TerminalError(Reason.TOO_LARGE, f"a body of {len(payload)} bytes; send at most {MAX_BYTES}")
    try:
        each = _each(payload)
    except WRONG as error:
        raise TerminalError(Reason.MALFORMED_JSON, f"no event, and no list of events: {words_of(error)}") from None
    if not 0 < len(each) <= MAX_EVENTS:
        raise TerminalError(Reason.INVALID_RECORD, f"{len(each)} events; send 1 to {MAX_EVENTS} in a message")
    return each


def _each(payload: bytes) -> list[msgspec.Raw]:
    if payload.lstrip()[:1] == b"[":
        return _LIST.decode(payload)
    try:
        return _MANY.decode(payload).events
    except msgspec.ValidationError:
        # What it met first need not be the worst: the body may be no JSON at all.
        if len(payload) <= MAX_EACH_BYTES:
            msgspec.json.decode(payload)
        return [msgspec.Raw(payload)]


def _as_the_api_takes_it(content: object, target: PersonalTarget) -> object:
    if not isinstance(content, Mapping):
        return content
    route, given = target.route, dict(content)
    texts = {"user": route.user, "session": route.session}
    found = {name: _text(text, target.names, content) for name, text in texts.items() if text is not None}
    for text in texts.values():
        for name in _fields_of(text, route):
            if name not in FIELDS or name in texts:
                given.pop(name, None)
    if left := [name for name in texts if given.get(name) is not None]:
        mend = "leave it out: by the routes file it isn't taken from there"
        raise Refused([FieldFault(name, "it is there too", mend) for name in left])
    given.update(found)
    _fill_in(given, content, target)
    return given


def _fill_in(given: dict[str, Any], content: Mapping[str, object], target: PersonalTarget) -> None:
    """What the route says of events beside whose they are."""
    route = target.route
    if route.kind is not None and given.get("kind") is None and given.get("type") is None:
        given["kind"] = route.kind
    if route.item is not None and given.get("item") is None:
        given["item"] = _text(route.item, target.names, content)
        for name in _fields_of(route.item, route):
            if name not in FIELDS:
                given.pop(name, None)
    context = given.get("context")
    if route.context and (context is None or isinstance(context, Mapping)):
        given["context"] = {**(context or {}), **{name: target.names[name] for name in route.context}}
    personal = given.get("personal")
    if route.personal and (personal is None or isinstance(personal, Mapping)):
        moved = {name: given.pop(name) for name in route.personal if name in given}
        given["personal"] = {**(personal or {}), **moved}


def _fields_of(text: str | None, route: PersonalRoute) -> tuple[str, ...]:
    """The fields that a text of the route may name."""
    if text is None:
        return ()
    return placeholders(text) if "{" in text else (text,)


def _text(text: str, names: Mapping[str, str], content: Mapping[str, Any]) -> Any:
    """What a text of the route is for an event; None where a part of it has no value."""
    if "{" not in text:
        return content.get(text)
    parts = {name: names.get(name, content.get(name)) for name in placeholders(text)}
    if any(part in (None, "") or isinstance(part, bool | list | dict) for part in parts.values()):
        return None
    return fill(text, {name: str(part) for name, part in parts.items()})
