"""What people sent and were told, in a load of interactions: the side of a check that no store has touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Event:
    """One that was sent, perhaps several times.

    Attributes:
        time: of the event, microseconds UTC; the same each time that it is sent.
        sent: how often it was sent; of each but the last no answer came, or one that isn't 202.
        accepted: whether one of them was answered with 202.
    """

    id: str
    user: str
    kind: str
    item: str
    time: int
    value: float | None = None
    recommendation: str | None = None
    position: int | None = None
    sent: int = 0
    accepted: bool = False

    def body(self) -> dict[str, Any]:
        """As `POST /v1/events` takes it."""
        names = ("id", "user", "kind", "item", "time", "value", "recommendation", "position")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Answer:
    """A recommendation that was given; `is_recorded` where the API says that it is in its topic."""

    id: str
    user: str
    items: tuple[str, ...]
    arms: Mapping[str, str]
    is_recorded: bool

    @classmethod
    def of(cls, user: str, document: Mapping[str, Any]) -> Answer:
        """From what the API answered."""
        is_recorded = document["kind"] != "impersonal" and "record" not in document["degraded"]
        items = tuple(row["item"] for row in document["items"])
        return cls(document["id"], user, items, document["arms"], is_recorded)


@dataclass
class History:
    """Of all people, over all runs on one pipeline.

    Attributes:
        events, answers: by id.
        statuses: of requests that failed, 0 where there was no answer.
        refused: bodies of answers by which right events were refused; there must be none.
    """

    events: dict[str, Event] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Events of which somebody was told that they count; asked by others than those who send."""
        return sum(event.accepted for event in tuple(self.events.values()))
