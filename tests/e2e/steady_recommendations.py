"""People of a shop, with all that a dashboard shows of them: visits, answers, what followed, arms, erasures."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from deploy.local.stack import Stack

SURFACE = "steady"
"""Of an experiment whose people are counted within seconds, and which no other load is in."""
_SITE_ITEMS = 40
_FIRST_PEOPLE = 150
_ERASED_EVERY = 20
_PAUSE_S = 0.1
_PATIENCE_S = 30.0


@contextmanager
def steady_recommendations(stack: Stack) -> Iterator[None]:
    """Fills a shop and lets many people come, then ten a second, until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=_visit, args=(stack, stop), name="steady recommendations")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _visit(stack: Stack, stop: threading.Event) -> None:
    with httpx.Client(base_url=stack.url("serve_api"), timeout=_PATIENCE_S) as api:
        items = [{"item": f"steady-{each}", "category": f"c{each % 4}"} for each in range(_SITE_ITEMS)]
        api.post("/v1/items", json={"items": items}).raise_for_status()
        for number in itertools.count():
            if stop.is_set() or (number > _FIRST_PEOPLE and stop.wait(_PAUSE_S)):
                return
            with suppress(httpx.TransportError):
                _come(api, number)


def _come(api: httpx.Client, number: int) -> None:
    """One person, who looks at something, is recommended something, and every third time clicks."""
    person = f"steady-{uuid.uuid4().hex}"
    surface = SURFACE if number % 4 else "home"
    view = _event(person, "view", f"steady-{number % _SITE_ITEMS}")
    answer = api.post("/v1/events", json={"events": [view, view, {"kind": "view", "user": person}]})
    shown = api.get("/v1/recommendations", params={"user": person, "count": 8, "surface": surface})
    rows = shown.json()["items"] if shown.is_success and answer.is_success else []
    of = {"recommendation": shown.json()["id"]} if rows else {}
    events = [_event(person, "impression", row["item"], **of) for row in rows]
    if rows and number % 3 == 0:
        liked = rows[number % len(rows)]["item"]
        events += [_event(person, kind, liked, **of) for kind in ("click", "cart", "purchase")]
    if events:
        api.post("/v1/events", json={"events": events})
    if number % _ERASED_EVERY == 0:
        api.delete(f"/v1/users/{person}/data")


def _event(person: str, kind: str, item: str, **fields: Any) -> dict[str, Any]:
    return {"id": uuid.uuid4().hex, "kind": kind, "user": person, "item": item, **fields}
