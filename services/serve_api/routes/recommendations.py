"""`/v1/recommendations`, `/v1/items/{item}/similar` and `/v1/trending`: what might be wanted next."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from serve_api.clients.acting import acting_for, token_of
from serve_api.clients.rate_limit import network_of
from serve_api.clients.register import address_of
from serve_api.direct_route import DirectRoute
from serve_api.principal import Principal
from serve_api.problems import Problem, responses, unavailable
from serve_api.recommendations.answering import Wanted
from serve_api.recommendations.asked import (
    RecommendationQuery,
    SimilarQuery,
    TrendingQuery,
    parameters,
    read_query,
)
from serve_api.recommendations.item_rows import RecommendationList
from serve_api.recommendations.live_answers import LiveAnswers, LiveRecommendations
from serve_api.services import JsonAnswer, Recommender, Services, ServicesDep

router = APIRouter(prefix="/v1", tags=["recommendations"], route_class=DirectRoute)
_ERRORS = responses(401, 403, 422, 429, 503)
_ITEM = {"name": "item", "in": "path", "required": True, "description": "The item", "schema": {"type": "string"}}
_LIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `recommendations`, whose data are an answer as of `/v1/recommendations`; `end`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **_ERRORS,
}


@router.get(
    "/recommendations",
    response_model=RecommendationList,
    responses=_ERRORS,
    openapi_extra={"parameters": parameters(RecommendationQuery)},
)
async def recommend(request: Request, principal: Recommender, services: ServicesDep) -> JsonAnswer:
    """What a user, or an anonymous session, might want next.

    Who is asked about for the first time gets a random subject id, under which the answer is recorded before it is
    given. Nobody need be named; then it is what is trending. A part that is away is done without and named in
    `degraded`.
    """
    found = services.recommendations
    with found.places.one():
        query = read_query(request, RecommendationQuery)
        wanted = Wanted(principal.site, _name(request, principal, query), query)
        return JsonAnswer(await found.answering.answer(wanted))


@router.get(
    "/recommendations/live",
    response_class=StreamingResponse,
    responses=_LIVE,
    openapi_extra={"parameters": parameters(RecommendationQuery)},
)
async def follow_recommendations(
    request: Request, principal: Recommender, services: ServicesDep
) -> LiveRecommendations:
    """The same as the event `recommendations` at once, and anew each time that other items are recommended."""
    found, query = services.recommendations, read_query(request, RecommendationQuery)
    name = _name(request, principal, query)
    subject = await found.answering.find_subject(principal.site, name)
    if subject.is_away:
        raise unavailable("it can't be found out whose recommendations these are now; connect again")
    address = network_of(address_of(request)) if principal.client.kind == "browser" else None
    watcher = found.watchers.begin(subject.subject, address)
    wanted = Wanted(principal.site, name, query)
    settings = services.settings
    answers = LiveAnswers(
        found.answering, wanted, subject, watcher, settings.live_heartbeat, settings.recommend_live_model_interval
    )
    return LiveRecommendations(answers, found.watchers, watcher)


@router.get(
    "/items/{item:path}/similar",
    response_model=RecommendationList,
    responses={**_ERRORS, **responses(404)},
    openapi_extra={"parameters": [_ITEM, *parameters(SimilarQuery)]},
)
async def similar_items(request: Request, principal: Recommender, services: ServicesDep) -> JsonAnswer:
    """Items that go with one, or are like it, for anybody."""
    item = request.path_params["item"]
    site = services.recommendations.state.sites.of(principal.site)
    if site.find(item) is None:
        raise unknown_item(services, item)
    query = read_query(request, SimilarQuery)
    asked = RecommendationQuery(**query.model_dump(), surface="similar", about=item)
    return JsonAnswer(services.recommendations.answering.impersonal(principal.site, "similar", asked))


@router.get(
    "/trending",
    response_model=RecommendationList,
    responses=_ERRORS,
    openapi_extra={"parameters": parameters(TrendingQuery)},
)
async def trending_items(request: Request, principal: Recommender, services: ServicesDep) -> JsonAnswer:
    """What many turn to now, for anybody."""
    query = read_query(request, TrendingQuery)
    asked = RecommendationQuery(**query.model_dump(), surface="trending")
    return JsonAnswer(services.recommendations.answering.impersonal(principal.site, "trending", asked))


def unknown_item(services: Services, item: str) -> Problem:
    """404, or 503 while the catalog isn't read."""
    if "catalog" in services.recommendations.state.unread():
        return unavailable("the catalog is being read", kind="catalog-unread")
    return Problem(404, "unknown-item", "Not Found", f"the catalog has no item {item!r}; GET /v1/items lists them")


def _name(request: Request, principal: Principal, query: RecommendationQuery) -> str | None:
    token = token_of(request)
    if query.user is None and query.session is None and token is None:
        return None
    return acting_for(principal, query.user, query.session, token).name
