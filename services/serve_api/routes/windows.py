"""`/v1/windows`: statistics of a device per window of event time."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from headrace.tables import WINDOWS_PER_PERIOD
from serve_api.paging import DeviceName, Metric, RangePaging, RangeQuery
from serve_api.problems import responses
from serve_api.rows import WindowPage, window_row
from serve_api.services import JsonAnswer, Reader, ServicesDep
from serve_api.times import DAY_US, SECOND_US, RangeLimits

router = APIRouter(prefix="/v1/windows", tags=["windows"])

_DEFAULT_WINDOWS = 360
_MAX_PERIODS = 366


class WindowsQuery(RangeQuery):
    """Which windows."""

    device: DeviceName
    metric: Metric | None = None
    width: Annotated[int, Field(ge=1, le=86_400, description="Seconds; the pipeline makes 10 and 60")] = 60

    @property
    def width_us(self) -> int:
        """The width in microseconds."""
        return self.width * SECOND_US

    @property
    def limits(self) -> RangeLimits:
        """A range is as many partitions at most, and not more than a year."""
        longest = min(_MAX_PERIODS * WINDOWS_PER_PERIOD * self.width_us, 366 * DAY_US)
        return RangeLimits(min(_DEFAULT_WINDOWS * self.width_us, longest), longest)


@router.get("", response_model=WindowPage, responses=responses(403, 422, 503))
async def list_windows(query: Annotated[WindowsQuery, Query()], principal: Reader, services: ServicesDep) -> JsonAnswer:
    """Windows whose beginning lies in [from, to): the last 360, unless the range is given.

    The longest range is a year, or 61 days of windows of 10 s. A window that is not `final` may still change.
    """
    selection = ("windows", query.device, query.metric or "", query.width)
    paging = RangePaging(query, principal.site, services.clock, query.limits, selection, (int, str))
    found = await services.store.windows(query.device, query.metric, query.width_us, paging.wanted)
    page: WindowPage = {"items": [window_row(item) for item in found.items], "next": paging.next(found.reached)}
    return JsonAnswer(page)
