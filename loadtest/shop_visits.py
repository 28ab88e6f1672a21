"""People in a shop, as records: what they do and what they are shown. Few of them and few items are popular."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from headrace.interactions.records import MADE, RAW, Interaction, Kind, Recommendation, ShownItem
from headrace.records import encode, headers_of

START_US = 1_700_000_000_000_000
_STEP_US = 4_000_000
_ITEMS = 50_000
_SHOWN = 10
_EVERY = 20
"""Interactions for each answer."""
_KINDS: tuple[Kind, ...] = (
    *("impression",) * 30,
    *("view",) * 40,
    *("click",) * 15,
    *("cart",) * 6,
    *("purchase",) * 3,
    *("dwell",) * 4,
    *("rating",) * 2,
)


class Sent(NamedTuple):
    """A record, with its time in microseconds."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    time: int


def visits(interactions: int, people: int, seed: int = 1, start: int = START_US) -> Iterator[Sent]:
    """So many interactions, `_STEP_US` apart for the popular, with an answer for every twentieth."""
    source = random.Random(seed)
    step = max(1, _STEP_US * 200 // people)
    for number in range(interactions):
        time = start + number * step
        subject = f"{int(people * source.random() ** 2):022d}"
        if number % _EVERY == 0:
            yield _answer(source, subject, number, time)
        yield _interaction(source, subject, number, time)


def _interaction(source: random.Random, subject: str, number: int, time: int) -> Sent:
    kind = source.choice(_KINDS)
    record = Interaction(
        f"event-{number:016d}",
        "default",
        subject,
        kind,
        time,
        time,
        _item(source),
        8.0 if kind in ("rating", "dwell", "purchase") else None,
        session=subject,
        context={"page": "home"},
    )
    return Sent(RAW, subject.encode(), encode(record), headers_of(record), time)


def _answer(source: random.Random, subject: str, number: int, time: int) -> Sent:
    shown = tuple(ShownItem(_item(source), 0.5, "trending", False, (0.25,) * 8) for _ in range(_SHOWN))
    record = Recommendation(f"answer-{number:016d}", "default", subject, "home", time, shown)
    return Sent(MADE, subject.encode(), encode(record), headers_of(record), time)


def _item(source: random.Random) -> str:
    return f"item-{int(_ITEMS * source.random() ** 3)}"
