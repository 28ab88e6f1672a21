"""`/v1/readings`: the readings of a device."""

from typing import Annotated

from fastapi import APIRouter, Query

from serve_api.paging import DeviceName, Metric, RangePaging, RangeQuery
from serve_api.problems import responses
from serve_api.rows import ReadingPage, reading_row
from serve_api.services import JsonAnswer, Reader, ServicesDep
from serve_api.times import DAY_US, HOUR_US, RangeLimits

router = APIRouter(prefix="/v1/readings", tags=["readings"])

LIMITS = RangeLimits(default=HOUR_US, longest=31 * DAY_US)


class ReadingsQuery(RangeQuery):
    """Which readings."""

    device: DeviceName
    metric: Metric | None = None


@router.get("", response_model=ReadingPage, responses=responses(403, 422, 503))
async def list_readings(
    query: Annotated[ReadingsQuery, Query()], principal: Reader, services: ServicesDep
) -> JsonAnswer:
    """Readings of a device by event time: the last hour, unless `from` and `to` say otherwise; at most 31 days.

    A page may hold fewer items than `limit` and still have a `next`, where a metric is rare among many readings.
    """
    selection = ("readings", query.device, query.metric or "")
    paging = RangePaging(query, principal.site, services.clock, LIMITS, selection, (int, int, str))
    found = await services.store.readings(query.device, query.metric, paging.wanted)
    page: ReadingPage = {"items": [reading_row(item) for item in found.items], "next": paging.next(found.reached)}
    return JsonAnswer(page)
