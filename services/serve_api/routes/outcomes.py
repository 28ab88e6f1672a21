"""`/v1/outcomes`: what came of what was predicted."""

from typing import Any

from fastapi import APIRouter, Request

from serve_api.direct_route import DirectRoute
from serve_api.predictions.answers import OutcomesTaken
from serve_api.predictions.body import read_timely
from serve_api.predictions.outcome_intake import OutcomeBody, OutcomesBody
from serve_api.problems import responses
from serve_api.services import JsonAnswer, ServicesDep, Writer

router = APIRouter(prefix="/v1/outcomes", tags=["models"], route_class=DirectRoute)
BODIES = (OutcomeBody, OutcomesBody)
_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [{"$ref": f"#/components/schemas/{body.__name__}"} for body in BODIES]}
            }
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=OutcomesTaken,
    responses=responses(403, 408, 413, 422, 503),
    openapi_extra=_REQUEST,
)
async def send_outcomes(request: Request, principal: Writer, services: ServicesDep) -> JsonAnswer:
    """Takes what came of a prediction, or of several as `{"outcomes": [...]}`.

    The answer comes when all of them are safely in Kafka. Of several with the same id the newest counts, so a
    correction is another one, and after a 503 the same can be sent again.
    """
    body = await read_timely(request, services.settings)
    taken: OutcomesTaken = {"accepted": await services.predictions.outcomes.take(principal.site, body)}
    return JsonAnswer(taken, 202)
