"""`/v1/anomalies`: readings that a detector found improbable, of a device or of all."""

from typing import Annotated

from fastapi import APIRouter, Query

from serve_api.paging import DeviceName, Metric, RangePaging, RangeQuery
from serve_api.problems import responses
from serve_api.rows import AnomalyPage, anomaly_row
from serve_api.services import JsonAnswer, Reader, ServicesDep
from serve_api.times import DAY_US, RangeLimits

router = APIRouter(prefix="/v1/anomalies", tags=["anomalies"])

OF_DEVICE = RangeLimits(default=DAY_US, longest=366 * DAY_US)
OF_ALL = RangeLimits(default=DAY_US, longest=31 * DAY_US)


class AnomaliesQuery(RangeQuery):
    """Which anomalies."""

    device: DeviceName | None = None
    metric: Metric | None = None


@router.get("", response_model=AnomalyPage, responses=responses(403, 422, 503))
async def list_anomalies(
    query: Annotated[AnomaliesQuery, Query()], principal: Reader, services: ServicesDep
) -> JsonAnswer:
    """Anomalies by event time: the last 24 h, unless the range is given.

    At most 366 days of one device, 31 days of all devices.
    """
    selection = ("anomalies", query.device or "", query.metric or "")
    limits = OF_DEVICE if query.device else OF_ALL
    paging = RangePaging(query, principal.site, services.clock, limits, selection, (int, str))
    found = await services.store.anomalies(query.device, query.metric, paging.wanted)
    page: AnomalyPage = {"items": [anomaly_row(item) for item in found.items], "next": paging.next(found.reached)}
    return JsonAnswer(page)
