"""What requests that bring events or items are answered."""

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from headrace.interactions.fault import FieldFault
from serve_api.problems import Fault, FaultDocument, Problem, invalid

_MAX_FAULTS = 20
_MAX_EACH = 5
_FAULT: JsonValue = {"name": "item", "problem": "it is missing", "mend": "send the id of the item of this view"}
_REFUSED: JsonValue = {"index": 2, "errors": [_FAULT]}


@with_config(ConfigDict(json_schema_extra={"examples": [_REFUSED]}))
class RefusedDocument(TypedDict):
    """One that was refused."""

    index: Annotated[int, Field(description="Its place in the request, from 0")]
    errors: Annotated[list[FaultDocument], Field(description="The fields that are wrong, five at most")]


@with_config(ConfigDict(json_schema_extra={"examples": [{"accepted": 2, "repeated": 0, "refused": [_REFUSED]}]}))
class EventsTaken(TypedDict):
    """What became of the events."""

    accepted: Annotated[int, Field(description="Events that are safely in Kafka")]
    repeated: Annotated[int, Field(description="Events that were there twice in the request; they count once")]
    refused: Annotated[
        list[RefusedDocument], Field(description="Those that aren't taken, and as they are never will be")
    ]


@with_config(ConfigDict(json_schema_extra={"examples": [{"accepted": 2, "refused": [_REFUSED]}]}))
class ItemsTaken(TypedDict):
    """What became of the items."""

    accepted: Annotated[int, Field(description="Items that are safely in Kafka")]
    refused: Annotated[
        list[RefusedDocument], Field(description="Those that aren't taken, and as they are never will be")
    ]


class RefusedOne(NamedTuple):
    """One that was refused: its place in the request, and what is wrong."""

    place: int
    faults: Sequence[FieldFault]


def refused_documents(refused: Iterable[RefusedOne]) -> list[RefusedDocument]:
    """As they are answered."""
    return [
        {
            "index": one.place,
            "errors": [{"name": f.name, "problem": f.problem, "mend": f.mend} for f in one.faults[:_MAX_EACH]],
        }
        for one in refused
    ]


def nothing_taken(refused: Iterable[RefusedOne], what: str, is_many: bool) -> Problem:
    """The answer where all were refused."""
    faults = [
        Fault(f"{what}.{one.place}.{fault.name}" if is_many else fault.name, fault.problem, fault.mend)
        for one in refused
        for fault in one.faults
    ]
    return invalid(*faults[:_MAX_FAULTS])
