"""`/v1/graphql`: recommendations, items and events in one request."""

from typing import Any, NotRequired

import msgspec
from fastapi import APIRouter, Request
from pydantic import ConfigDict, JsonValue, with_config
from starlette.responses import PlainTextResponse
from typing_extensions import TypedDict

from serve_api.direct_route import DirectRoute
from serve_api.events.sent import check_json
from serve_api.graphql.cost import extra_cost
from serve_api.graphql.operations import Context
from serve_api.graphql.schema import SCHEMA, execute
from serve_api.problems import Fault, invalid, responses
from serve_api.services import JsonAnswer, Recommender, ServicesDep
from serve_api.timely_body import read_timely

router = APIRouter(prefix="/v1/graphql", tags=["graphql"], route_class=DirectRoute)
MAX_BYTES = 65_536


_ANSWER: JsonValue = {"data": {"trending": {"items": [{"item": "mug-blue", "reasons": ["popular now"]}]}}}


@with_config(ConfigDict(json_schema_extra={"examples": [_ANSWER]}))
class GraphQLAnswer(TypedDict):
    """By the GraphQL specification."""

    data: dict[str, Any] | None
    errors: NotRequired[list[dict[str, Any]]]


class Asked(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a request brings."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["query"],
    "properties": {
        "query": {"type": "string", "description": "GraphQL; GET /v1/graphql answers the schema"},
        "variables": {"type": ["object", "null"]},
        "operationName": {"type": ["string", "null"]},
        "extensions": {"type": ["object", "null"]},
    },
}
_REQUEST = {"requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}}}


@router.post(
    "",
    response_model=GraphQLAnswer,
    responses=responses(401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=_REQUEST,
)
async def ask(request: Request, principal: Recommender, services: ServicesDep) -> JsonAnswer:
    """Runs one query or mutation, within limits of depth, aliases and cost.

    What is wrong with the operation is among its `errors`, each with a `code`, and answered with 200.
    """
    check_json(request.headers)
    body = await read_timely(request, MAX_BYTES, services.settings.events_body_timeout)
    services.clients.charge(principal.client, request, extra_cost(len(body)))
    asked = _read(body)
    context = Context(request, principal, services)
    return JsonAnswer(await execute(asked.query, asked.variables or {}, asked.operation_name, context))


@router.get("", response_class=PlainTextResponse, responses=responses(401, 403, 422, 429, 503))
async def get_schema(request: Request, principal: Recommender, services: ServicesDep) -> PlainTextResponse:
    """The schema in GraphQL's own language, for what makes clients of it."""
    return PlainTextResponse(SCHEMA.as_str())


def _read(body: bytes) -> Asked:
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        mend = 'send {"query": "...", "variables": {...}}'
        raise invalid(Fault("body", f"it is no GraphQL request: {str(error)[:200]}", mend)) from None
