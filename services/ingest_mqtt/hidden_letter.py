"""What a dead letter holds of a message of people: what is wrong and the shape of it, and no value of theirs."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headrace.errors import Reason, TerminalError
from headrace.interactions.event import FIELDS
from headrace.interactions.fault import FieldFault
from headrace.subjects.keys import SubjectKeys
from ingest_mqtt.personal_events import Message, RefusedEvent

_MOST_SHOWN = 20
_PARTS = FIELDS | {"event"}
_UNKNOWN = "a field of another name"


class HiddenEvent(msgspec.Struct, omit_defaults=True):
    """Of one event: type and length of each field of a known name, and what is wrong."""

    place: int
    faults: dict[str, str]
    fields: dict[str, str] = {}
    unknown_fields: int = 0


class HiddenBody(msgspec.Struct, omit_defaults=True):
    """The value of such a dead letter.

    Attributes:
        length: of the body, in bytes.
        fingerprint: HMAC-SHA-256 of the body under the secret of the subjects, by which the same body is known again.
    """

    length: int
    fingerprint: str
    accepted: int = 0
    refused: int = 0
    events: tuple[HiddenEvent, ...] = ()
    hidden: str = "the body may be personal, so no dead letter keeps it"


def fingerprint_of(payload: bytes, keys: SubjectKeys) -> str:
    """By what a body is known again: who guesses a body can't tell whether it was it, without the secret."""
    return keys.lookup("", f"body:{hashlib.sha256(payload).hexdigest()}").hex()


def hidden_body(payload: bytes, message: Message, fingerprint: str) -> bytes:
    """The dead letter's value, as JSON."""
    events = tuple(_hidden(event) for event in message.refused[:_MOST_SHOWN])
    return msgspec.json.encode(HiddenBody(len(payload), fingerprint, len(message.events), len(message.refused), events))


def error_of(message: Message) -> TerminalError | None:
    """Why a message, or a part of it, becomes a dead letter, in words without values; None where all is right."""
    if message.error is not None or not message.refused:
        return message.error
    count = len(message.events) + len(message.refused)
    first = message.refused[0]
    faults = "; ".join(f"{name}: {mend}" for name, mend in _faults(first.faults).items())
    detail = f"{len(message.refused)} of {count} events are refused; event {first.place}: {faults}"
    return TerminalError(Reason.INVALID_RECORD, detail)


def _hidden(event: RefusedEvent) -> HiddenEvent:
    content = event.content if isinstance(event.content, Mapping) else {}
    fields = {name: _shape(value) for name, value in content.items() if name in FIELDS}
    return HiddenEvent(event.place, _faults(event.faults), fields, len(content) - len(fields))


def _faults(faults: Sequence[FieldFault]) -> dict[str, str]:
    """Field → what to send instead. What is wrong with it would show the value, and a stranger's name may be one."""
    return {_known(fault.name): fault.mend for fault in faults}


def _known(name: str) -> str:
    part = name.partition(".")[0]
    return part if part in _PARTS else _UNKNOWN


def _shape(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return f"text of {len(value)} characters"
        case list():
            return f"list of {len(value)}"
        case _:
            return f"object of {len(value)} fields"
