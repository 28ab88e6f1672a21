"""`/healthz`, `/readyz` and `/metrics`, for whoever runs the service."""

from fastapi import APIRouter, Request
from fastapi.security import SecurityScopes
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from headrace.errors import TransientError
from serve_api.clients.register import address_of
from serve_api.principal import Scope, authenticate, current_principal
from serve_api.services import JsonAnswer, Services, ServicesDep
from serve_api.settings import is_loopback

router = APIRouter(tags=["operations"], include_in_schema=False)


@router.get("/healthz")
async def healthz(services: ServicesDep) -> Response:
    """503 where only a restart helps."""
    return _state(_defects(services))


@router.get("/readyz")
async def readyz(services: ServicesDep) -> Response:
    """503 while reads can't be answered."""
    problems = _defects(services)
    if services.predictions.promotions.is_starting():
        problems["models"] = "the promoted models are being loaded"
    try:
        await services.store.check()
    except TransientError as error:
        problems["cassandra"] = str(error)
    return _state(problems)


@router.get("/metrics")
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Prometheus's text format. Where clients are set it needs a key from elsewhere: it tells how experiments go."""
    if not is_loopback(address_of(request)):
        await current_principal(SecurityScopes([Scope.METRICS]), await authenticate(request))
    return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _defects(services: Services) -> dict[str, str]:
    found = {
        "live": services.feed.problem(),
        "store": services.store.failure(),
        "models": services.predictions.promotions.failure(),
        "recommendations": services.recommendations.state.failure(),
        "experiments": services.experiments.failure(),
    }
    return {name: problem for name, problem in found.items() if problem is not None}


def _state(problems: dict[str, str]) -> JsonAnswer:
    return JsonAnswer({"status": "failing" if problems else "ok", "problems": problems}, 503 if problems else 200)
