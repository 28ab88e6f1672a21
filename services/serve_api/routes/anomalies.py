"""`/v1/anomalies`: readings that a detector found improbable, of a device or of all; and what operators say of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from headrace.records import AnomalyFeedback, FeedbackVerdict
from serve_api.paging import DeviceName, Metric, Name, RangePaging, RangeQuery
from serve_api.problems import not_found, responses
from serve_api.rows import AnomalyPage, FeedbackRow, anomaly_row, feedback_row
from serve_api.services import JsonAnswer, Reader, ServicesDep, Writer
from serve_api.times import DAY_US, RangeLimits

router = APIRouter(prefix="/v1/anomalies", tags=["anomalies"])

OF_DEVICE = RangeLimits(default=DAY_US, longest=366 * DAY_US)
OF_ALL = RangeLimits(default=DAY_US, longest=31 * DAY_US)

MAX_NOTE = 500
_KNOWN = (
    "take an id from /v1/anomalies, where an anomaly is a moment after it was found; "
    "what was stored before there was feedback takes none"
)
AnomalyId = Annotated[Name, Path(alias="id", description="The anomaly's id, as the list and the live stream have it")]


class Feedback(BaseModel):
    """What an operator says of an anomaly."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"verdict": "false", "note": "the sensor was cleaned"}]},
    )

    verdict: Annotated[
        FeedbackVerdict,
        Field(description="Whether it was one; `expected`: odd indeed, but known and nothing to be told of"),
    ]
    note: Annotated[
        Annotated[str, StringConstraints(max_length=MAX_NOTE, strip_whitespace=True)] | None,
        Field(description="Why, in a few words; don't name persons, as it is kept for a year"),
    ] = None


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
    page: AnomalyPage = {
        "items": [anomaly_row(item.anomaly, item.feedback) for item in found.items],
        "next": paging.next(found.reached),
    }
    return JsonAnswer(page)


@router.post(
    "/{id}/feedback", status_code=202, response_model=FeedbackRow, responses=responses(403, 404, 413, 422, 503)
)
async def send_feedback(identity: AnomalyId, body: Feedback, principal: Writer, services: ServicesDep) -> JsonAnswer:
    """Takes whether an anomaly was one, and moves the threshold of its series a step by it, within a bound.

    What was out of its range (detector `range`) moves nothing and is only shown.
    The answer comes when it is safely in Kafka; the list shows it a moment later. Of several about one anomaly the
    newest counts, in place of those before, so the same can be sent again: after a 503 it is unknown whether it was
    taken.
    """
    origin = await services.store.anomaly_origin(principal.site, identity)
    if origin is None:
        raise not_found(f"anomaly {identity!r} is not known", _KNOWN)
    said = AnomalyFeedback(
        id=identity,
        site=principal.site,
        device=origin.device,
        metric=origin.metric,
        time=origin.time,
        n=origin.n,
        detector=origin.detector,
        verdict=body.verdict,
        given=services.clock.now_us(),
        author=principal.client.name,
        note=body.note or None,
    )
    await services.feedback.write(said)
    return JsonAnswer(feedback_row(said), 202)
