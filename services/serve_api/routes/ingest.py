"""`/v1/ingest`: what a source of kind `push` is sent."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from headrace.pushed import BodyType
from serve_api.metrics import SERVICE
from serve_api.problems import Problem, responses
from serve_api.services import JsonAnswer, Pusher, ServicesDep

router = APIRouter(prefix="/v1/ingest", tags=["ingest"])
_EXAMPLE: JsonValue = {"id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"}
_HEADERS = {
    "webhook-id": "Your id of this body, the same each time that you send it: it is the idempotency key",
    "webhook-timestamp": "Epoch seconds of this attempt",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA-256 over `ID.TIMESTAMP.BODY`; several with spaces between",
}
_REQUEST: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": what, "schema": {"type": "string"}}
        for name, what in _HEADERS.items()
    ],
    "requestBody": {"required": True, "content": {kind.value: {} for kind in BodyType}},
}


@with_config(ConfigDict(json_schema_extra={"examples": [_EXAMPLE]}))
class PushAnswer(TypedDict):
    """A push that was taken."""

    id: Annotated[str, Field(description="Its webhook-id")]


@router.post(
    "/{source}",
    status_code=202,
    response_model=PushAnswer,
    responses=responses(401, 403, 404, 408, 413, 415, 422, 503),
    openapi_extra=_REQUEST,
)
async def push(
    source: Annotated[str, Path(description="A source of kind `push`")],
    request: Request,
    principal: Pusher,
    services: ServicesDep,
) -> JsonAnswer:
    """Takes a body of rows for a source, signed by [Standard Webhooks](https://www.standardwebhooks.com).

    It is a JSON object, an array of objects, objects a line each, or CSV.

    The answer comes when the body is safely in Kafka; the source's rules see it a moment later. After any other answer
    than 202, or none, send it again with the same `webhook-id` and a new timestamp: it counts once.
    """
    outcome = "unexpected"
    try:
        taken = await services.pushes.take(source, request)
        outcome = "accepted"
    except Problem as problem:
        outcome = problem.kind.replace("-", "_")
        raise
    finally:
        services.metrics.pushes.labels(SERVICE, outcome).inc()
    answer: PushAnswer = {"id": taken.id}
    return JsonAnswer(answer, 202)
