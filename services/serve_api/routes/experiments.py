"""`/v1/experiments`: what is tried, and what came of it so far."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import HTMLResponse

from headrace.experiments.report import CONTENT_POLICY, report_html
from headrace.experiments.results import Results
from serve_api.experiments.answers import ExperimentList, experiment_row
from serve_api.problems import responses
from serve_api.services import Experimenter, JsonAnswer, ServicesDep

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])
Name = Annotated[str, Path(description="An experiment")]
_ERRORS = responses(403, 404, 422, 503)
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page of HTML", "content": {"text/html": {"schema": {"type": "string"}}}},
    **_ERRORS,
}


@router.get("", response_model=ExperimentList, responses=responses(403, 422, 503))
async def list_experiments(principal: Experimenter, services: ServicesDep) -> JsonAnswer:
    """The experiments, with what is decided of each."""
    found = services.experiments.of_site(principal.site)
    answered: ExperimentList = {"items": [experiment_row(each) for each in found]}
    return JsonAnswer(answered)


@router.get("/{name}/results", response_model=Results, responses=_ERRORS)
async def get_results(name: Name, principal: Experimenter, services: ServicesDep) -> JsonAnswer:
    """Everything about one experiment: people, metrics with intervals, guardrails, and what the stop rule says.

    It may be looked at any time: intervals and p-values hold at every look at once.
    """
    return JsonAnswer(services.experiments.of(principal.site, name))


@router.get("/{name}/report", response_class=HTMLResponse, responses=_PAGE)
async def get_report(name: Name, principal: Experimenter, services: ServicesDep) -> HTMLResponse:
    """The same as a page, which needs nothing from elsewhere."""
    page = report_html(services.experiments.of(principal.site, name))
    return HTMLResponse(page, headers={"Content-Security-Policy": CONTENT_POLICY})
