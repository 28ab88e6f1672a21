"""`/v1/models/{name}/predict`: what a model says of rows."""

from typing import Any

from fastapi import APIRouter, Request

from serve_api.direct_route import DirectRoute
from serve_api.predictions.answers import PredictionList, PredictionRow, answer
from serve_api.predictions.asked import ID_PATTERN, MAX_REASONS, MAX_ROWS, read_options
from serve_api.predictions.body import read_timely
from serve_api.problems import responses
from serve_api.services import JsonAnswer, ServicesDep, Writer

router = APIRouter(prefix="/v1/models", tags=["models"], route_class=DirectRoute)
ROW_OR_ROWS: dict[str, Any] = {
    "type": "object",
    "description": "A row: a field for each input, as the model's `input_schema` says; or `rows`, which may have `ids` "
    "and `subjects` beside them",
    "properties": {
        "rows": {"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": {"type": "object"}},
        "ids": {"type": "array", "items": {"type": "string", "pattern": ID_PATTERN}},
        "subjects": {"type": "array", "items": {"type": ["string", "null"]}},
    },
}
OPTIONS: list[dict[str, Any]] = [
    {
        "name": "reasons",
        "in": "query",
        "description": "How many of the inputs that moved the score most are wanted",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_REASONS, "default": 0},
    },
    {
        "name": "id",
        "in": "query",
        "description": "Your id of the prediction, the same each time that you ask for it; made for you, if left out",
        "schema": {"type": "string", "pattern": ID_PATTERN},
    },
    {
        "name": "subject",
        "in": "query",
        "description": "Whom or what the row is about; recorded with it",
        "schema": {"type": "string", "minLength": 1, "maxLength": 512},
    },
]
_NAME = {"name": "name", "in": "path", "required": True, "description": "A model", "schema": {"type": "string"}}
_REQUEST: dict[str, Any] = {
    "parameters": [_NAME, *OPTIONS],
    "requestBody": {"required": True, "content": {"application/json": {"schema": ROW_OR_ROWS}}},
}


@router.post(
    "/{name}/predict",
    response_model=PredictionRow | PredictionList,
    responses=responses(403, 404, 408, 409, 413, 422, 503),
    openapi_extra=_REQUEST,
)
async def predict(request: Request, principal: Writer, services: ServicesDep) -> JsonAnswer:
    """Predicts one row, or up to 1,000.

    The answer comes when the prediction is safely in Kafka with its row, so that its outcome, sent later to
    `/v1/outcomes` under the same id, can be joined with it. After a 503 it is unknown whether it counts: ask again with
    the same `id`. A value of a category that training has not seen is answered; a field that is missing, unknown or of
    another kind is refused.
    """
    name = request.path_params["name"]
    options = read_options(request)
    predictor = services.predictions.predictor
    with predictor.places.one():
        body = await read_timely(request, services.settings)
        return JsonAnswer(answer(*await predictor.answer(principal.site, name, body, options)))
