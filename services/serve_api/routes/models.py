"""`/v1/models`: which models there are."""

from typing import Annotated

from fastapi import APIRouter, Path

from serve_api.predictions.answers import ModelDetail, ModelList, model_detail, model_row
from serve_api.problems import responses
from serve_api.services import JsonAnswer, Reader, ServicesDep

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", response_model=ModelList, responses=responses(403, 422, 503))
async def list_models(principal: Reader, services: ServicesDep) -> JsonAnswer:
    """The models of which a version was promoted, with the versions that run in this process."""
    answered: ModelList = {"items": [model_row(each) for each in services.predictions.deployments.listed()]}
    return JsonAnswer(answered)


@router.get("/{name}", response_model=ModelDetail, responses=responses(403, 404, 422, 503))
async def get_model(
    name: Annotated[str, Path(description="A model")], principal: Reader, services: ServicesDep
) -> JsonAnswer:
    """A model: its versions, the JSON schema of its rows, and its card."""
    return JsonAnswer(model_detail(services.predictions.deployments.find(name)))
