"""Queries and the mutation: each does what a REST route does, by the same code."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import strawberry
from fastapi import Request
from pydantic import ValidationError
from strawberry.scalars import JSON
from strawberry.types import Info as StrawberryInfo

from headrace.interactions import records
from serve_api.clients.acting import acting_for, token_of
from serve_api.events.answers import EventsTaken as TakenDocument
from serve_api.events.sent import Sent
from serve_api.graphql.types import EventsTaken, FieldFault, Item, Recommendations, RefusedEvent
from serve_api.predictions.asked import refused
from serve_api.principal import Principal, Scope
from serve_api.problems import Problem
from serve_api.recommendations.answering import Wanted
from serve_api.recommendations.asked import RecommendationQuery
from serve_api.recommendations.item_rows import item_row
from serve_api.recommendations.policies import Way
from serve_api.services import Services

MAX_EVENTS = 100


@dataclass(frozen=True)
class Context:
    """Of one request."""

    request: Request
    principal: Principal
    services: Services
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The fields of a query one after the other, and between them others' requests."""
        async with self._turn:
            await asyncio.sleep(0)
            yield

    def need(self, scope: Scope) -> None:
        """Raises:
        Problem: whoever asks lacks the scope.
        """
        if scope not in self.principal.scopes:
            raise Problem(403, "forbidden", "Not allowed", f"this needs the scope {scope}")

    def find(self, item: str) -> records.Item | None:
        """An item of the site's catalog."""
        return self.services.recommendations.state.sites.of(self.principal.site).find(item)

    async def impersonal(self, way: Way, query: RecommendationQuery) -> Recommendations:
        """What nothing need be known of anybody for."""
        async with self.turn():
            answering = self.services.recommendations.answering
            return Recommendations.of(answering.impersonal(self.principal.site, way, query))


Info = StrawberryInfo[Context, None]
Events = Annotated[
    list[JSON],
    strawberry.argument(
        description="Each as POST /v1/events takes it: kind, item, user or session, id, time, value, context ..."
    ),
]
Exclude = Annotated[list[str] | None, strawberry.argument(description="Items that are not wanted")]


async def _recommendations(
    info: Info,
    user: str | None = None,
    session: str | None = None,
    surface: str = "home",
    count: int = 10,
    about: str | None = None,
    exclude: Exclude = None,
    age: int | None = None,
    category: str | None = None,
) -> Recommendations:
    context = info.context
    query = _query(
        user=user,
        session=session,
        surface=surface,
        count=count,
        about=about,
        exclude=exclude or [],
        age=age,
        category=category,
    )
    token = token_of(context.request)
    is_about_someone = user is not None or session is not None or token is not None
    name = acting_for(context.principal, user, session, token).name if is_about_someone else None
    async with context.turn():
        found = context.services.recommendations
        with found.places.one():
            return Recommendations.of(await found.answering.answer(Wanted(context.principal.site, name, query)))


async def _similar(
    info: Info, item: strawberry.ID, count: int = 10, age: int | None = None, category: str | None = None
) -> Recommendations | None:
    if info.context.find(item) is None:
        return None
    query = _query(count=count, age=age, category=category, surface="similar", about=item)
    return await info.context.impersonal("similar", query)


async def _trending(
    info: Info, count: int = 10, age: int | None = None, category: str | None = None
) -> Recommendations:
    query = _query(count=count, age=age, category=category, surface="trending")
    return await info.context.impersonal("trending", query)


async def _item(info: Info, item: strawberry.ID) -> Item | None:
    found = info.context.find(item)
    return None if found is None else Item.of(item_row(found))


async def _send_events(info: Info, events: Events) -> EventsTaken:
    context = info.context
    context.need(Scope.EVENTS)
    if len(events) > MAX_EVENTS:
        raise Problem(422, "invalid-request", "Too many", f"send at most {MAX_EVENTS} events, or POST /v1/events")
    sent = Sent([msgspec.Raw(msgspec.json.encode(each)) for each in events], is_many=True)
    return _taken(await context.services.events.take(context.principal, sent, token_of(context.request)))


# Fields by resolvers, as the decorators of strawberry are not typed.
@strawberry.type
class Query:
    """What can be asked."""

    recommendations: Recommendations = strawberry.field(
        resolver=_recommendations, description="What a user, or an anonymous session, might want next"
    )
    similar: Recommendations | None = strawberry.field(
        resolver=_similar,
        description="Items that go with one, or are like it, for anybody; null where there is none of that id",
    )
    trending: Recommendations = strawberry.field(resolver=_trending, description="What many turn to now, for anybody")
    item: Item | None = strawberry.field(
        resolver=_item, description="An item of the catalog; null where it has none of that id"
    )


@strawberry.type
class Mutation:
    """What can be sent."""

    send_events: EventsTaken = strawberry.field(
        resolver=_send_events,
        description="Takes events; the answer comes when those that are right are safely in Kafka",
    )


def _query(**values: Any) -> RecommendationQuery:
    try:
        return RecommendationQuery(**values)
    except ValidationError as error:
        raise refused(error) from None


def _taken(document: TakenDocument) -> EventsTaken:
    return EventsTaken(
        accepted=document["accepted"],
        repeated=document["repeated"],
        refused=[
            RefusedEvent(index=one["index"], errors=[FieldFault(**fault) for fault in one["errors"]])
            for one in document["refused"]
        ],
    )
