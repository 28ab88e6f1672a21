"""`/v1/latest`: the newest reading of each metric."""

from typing import Annotated

from fastapi import APIRouter, Query

from serve_api.paging import DeviceName, ListPaging, Metric, PageQuery
from serve_api.problems import responses
from serve_api.rows import ReadingPage, reading_row
from serve_api.services import JsonAnswer, Reader, ServicesDep

router = APIRouter(prefix="/v1/latest", tags=["readings"])


class LatestQuery(PageQuery):
    """Whose latest readings."""

    device: DeviceName | None = None
    metric: Metric | None = None


@router.get("", response_model=ReadingPage, responses=responses(403, 422, 503))
async def list_latest(query: Annotated[LatestQuery, Query()], principal: Reader, services: ServicesDep) -> JsonAnswer:
    """The reading with the newest event time of each metric, of one device or of all; a device's metrics stay together.

    A device that nobody has heard of has no items.
    """
    selection = ("latest", query.device or "", query.metric or "")
    paging = ListPaging(query, principal.site, selection, (int, str, str))
    found = await services.store.latest(principal.site, query.device, query.metric, paging.after, paging.limit)
    page: ReadingPage = {"items": [reading_row(item) for item in found.items], "next": paging.next(found.reached)}
    return JsonAnswer(page)
