"""`/v1/events`: what people did."""

from typing import Any

from fastapi import APIRouter, Request

from serve_api.clients.acting import TOKEN_HEADER, token_of
from serve_api.direct_route import DirectRoute
from serve_api.events.answers import EventsTaken
from serve_api.events.bodies import EventBody, EventsBody
from serve_api.events.cost import extra_cost
from serve_api.events.sent import MAX_BYTES, read_events
from serve_api.problems import responses
from serve_api.services import EventSender, JsonAnswer, ServicesDep
from serve_api.timely_body import read_timely

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=DirectRoute)
BODIES = (EventBody, EventsBody)
_SCHEMAS = "#/components/schemas/"
_REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": TOKEN_HEADER,
            "in": "header",
            "description": "Proves the user of a browser's request: a JWT that the app's backend signed",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [{"$ref": _SCHEMAS + body.__name__} for body in BODIES]}},
            "application/x-ndjson": {"schema": {"$ref": f"{_SCHEMAS}EventBody"}},
        },
    },
}


@router.post(
    "",
    status_code=202,
    response_model=EventsTaken,
    responses=responses(401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=_REQUEST,
)
async def send_events(request: Request, principal: EventSender, services: ServicesDep) -> JsonAnswer:
    """Takes an event, or up to 1,000 as `{"events": [...]}` or one a line.

    The answer comes when all that are right are safely in Kafka; `refused` names those that are wrong, by their places,
    with each field. Where none is right the answer is 422. An event with an `id` counts once however often it is sent,
    so after a 503, or no answer, send the same again.
    """
    settings = services.settings
    with services.event_places.one_for(request, principal.client.kind):
        body = await read_timely(request, MAX_BYTES, settings.events_body_timeout)
        sent = read_events(body, request.headers)
        services.clients.charge(principal.client, request, extra_cost(len(sent.each)))
        return JsonAnswer(await services.events.take(principal, sent, token_of(request)), 202)
