"""People of a shop who come at a steady rate, ask the real API what they might want, look, put into carts and buy.

What is answered with anything but 202 is sent again with the same ids until it is, except by careless people, who give
up at once; and now and then what was taken is sent once more, as by an app whose answer got lost. The seed is that of
their choices.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Iterator
from types import TracebackType

import httpx

from loadtest.interaction_history import Answer, Event, History

_MOST_VISITS = 200
_TIMEOUT_S = 10.0
_PAUSE_S = 0.3
_CARELESS, _SENT_ONCE_MORE = 0.15, 0.05
_SHOWN = 5
_END_S = 60.0


class Shoppers:
    """Comes in a thread of its own, as long as a `with` block.

    Args:
        name: with which the ids of the people and of their events begin.
        surface: for which they ask.
        visits: a second, of 3 to 7 requests each.
    """

    def __init__(
        self,
        url: str,
        history: History,
        name: str,
        surface: str,
        *,
        seed: int,
        people: int = 300,
        items: int = 200,
        visits: float = 20.0,
    ) -> None:
        self.history = history
        self.name = name
        self._url = url
        self._surface = surface
        self._people = people
        self._items = items
        self._rate = visits
        self._chance = random.Random(f"shoppers/{seed}")
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="shoppers", daemon=True)

    def __enter__(self) -> Shoppers:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets nobody new in, and waits until all have their answers."""
        self._stopping.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def item(self, number: int) -> str:
        """An item of the shop."""
        return f"{self.name}-item-{number}"

    def put_items(self) -> None:
        """Fills the shop, of items that no other one has."""
        items = [
            {"item": self.item(number), "title": f"Thing {number}", "category": f"c{number % 7}", "price": 1 + number}
            for number in range(self._items)
        ]
        httpx.post(f"{self._url}/v1/items", json={"items": items}, timeout=30).raise_for_status()

    def tick(self, people: int = 40) -> None:
        """Has so many look at one thing each, in all partitions: append time moves on by that alone."""
        events = [self._event(f"{self.name}-tick-{number}", "view", 0) for number in range(people)]
        body = {"events": [event.body() for event in events]}
        if httpx.post(f"{self._url}/v1/events", json=body, timeout=_TIMEOUT_S).status_code == 202:
            self._note(events, 202)

    def _run(self) -> None:
        try:
            asyncio.run(self._come())
        except BaseException as error:
            self._failure = error

    async def _come(self) -> None:
        visits: set[asyncio.Task[None]] = set()
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        async with httpx.AsyncClient(base_url=self._url, timeout=_TIMEOUT_S, limits=limits) as http:
            began, come = time.monotonic(), 0
            while not self._stopping.is_set():
                while come < (time.monotonic() - began) * self._rate:
                    come += 1
                    if len(visits) < _MOST_VISITS:
                        visit = asyncio.create_task(self._visit(http, random.Random(self._chance.random())))
                        visits.add(visit)
                        visit.add_done_callback(visits.discard)
                await asyncio.sleep(0.02)
            async with asyncio.timeout(_END_S):
                await asyncio.gather(*visits)

    async def _visit(self, http: httpx.AsyncClient, chance: random.Random) -> None:
        user = f"{self.name}-{chance.randrange(self._people)}"
        is_careless = chance.random() < _CARELESS
        answer = await self._ask(http, user)
        for events in self._acts(user, answer, chance):
            await self._send(http, events, is_careless)
            if chance.random() < _SENT_ONCE_MORE:
                await self._send(http, events, is_careless=True)

    async def _ask(self, http: httpx.AsyncClient, user: str) -> Answer | None:
        try:
            asked = {"user": user, "surface": self._surface, "count": str(_SHOWN)}
            found = await http.get("/v1/recommendations", params=asked)
        except httpx.TransportError:
            self.history.statuses[0] += 1
            return None
        if found.status_code != 200:
            self.history.statuses[found.status_code] += 1
            return None
        answer = Answer.of(user, found.json())
        self.history.answers[answer.id] = answer
        return answer

    def _acts(self, user: str, answer: Answer | None, chance: random.Random) -> Iterator[list[Event]]:
        """What somebody does, as it is sent together."""
        if answer is None or not answer.items:
            yield [self._event(user, "view", chance.randrange(self._items))]
        else:
            shown = list(enumerate(answer.items))
            yield [self._event_of(user, "impression", answer, place) for place, _ in shown]
            place, _ = chance.choice(shown)
            yield [self._event_of(user, "click", answer, place)]
            if chance.random() < 0.4:
                yield [self._event_of(user, "cart", answer, place), self._event_of(user, "view", answer, place)]
            if chance.random() < 0.2:
                price = float(chance.randrange(1, 100))
                yield [self._event_of(user, "purchase", answer, place, price)]
        if chance.random() < 0.3:
            # Of something that may have been shown in answers before, and names none of them.
            yield [self._event(user, "purchase", chance.randrange(self._items), float(chance.randrange(1, 100)))]

    def _event(self, user: str, kind: str, item: int, value: float | None = None) -> Event:
        return Event(self._next_id(), user, kind, self.item(item), time.time_ns() // 1_000, value)

    def _event_of(self, user: str, kind: str, answer: Answer, place: int, value: float | None = None) -> Event:
        now = time.time_ns() // 1_000
        return Event(self._next_id(), user, kind, answer.items[place], now, value, answer.id, place)

    def _next_id(self) -> str:
        return f"{self.name}-e{next(self._numbers)}"

    async def _send(self, http: httpx.AsyncClient, events: list[Event], is_careless: bool) -> None:
        bodies = [event.body() for event in events]
        body = bodies[0] if len(bodies) == 1 else {"events": bodies}
        while True:
            status = await self._post(http, body, len(events))
            self._note(events, status)
            if status == 202 or is_careless:
                return
            await asyncio.sleep(_PAUSE_S)

    async def _post(self, http: httpx.AsyncClient, body: object, count: int) -> int:
        try:
            answer = await http.post("/v1/events", json=body)
        except httpx.TransportError:
            return 0
        if answer.status_code == 202 and answer.json()["accepted"] != count:
            self.history.refused.append(answer.text)
        elif answer.status_code not in (202, 500, 502, 503):
            self.history.refused.append(f"{answer.status_code} {answer.text}")
        return answer.status_code

    def _note(self, events: list[Event], status: int) -> None:
        for event in events:
            self.history.events[event.id] = event
            event.sent += 1
            event.accepted = event.accepted or status == 202
        if status != 202:
            self.history.statuses[status] += 1
