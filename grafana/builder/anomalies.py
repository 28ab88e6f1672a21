"""The dashboard "Anomalies": all of a time range, how many a day and a device, and those of a chosen device."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from grafana.builder.choices import device_choice
from grafana.builder.panels import Panel, board, counted_by, linked, rates, rows, series
from grafana.builder.sources import IN_RANGE, Column, ItemsQuery

_TIME = Column("time", "timestamp")
LISTED = (
    _TIME,
    *map(Column, ("device", "metric", "reason", "detector")),
    *(Column(name, "number") for name in ("value", "expected", "score", "threshold")),
    *map(Column, ("verdict", "id")),
)
_ALL = f"/v1/anomalies?{IN_RANGE}&limit=10000"
_OF_DEVICE = f"/v1/anomalies?device=${{device:percentencode}}&{IN_RANGE}&limit=10000"


def anomalies() -> dashboard.Dashboard:
    about = "Readings that a detector found improbable, read from the API; at most 31 days at once."
    return board("Anomalies", about, _panels(), since="now-24h").with_variable(device_choice())


def _panels() -> Iterator[Panel]:
    yield rates(
        "Found per second",
        "By detector, since this process started.",
        [("detector:headrace_anomalies:rate5m", "{{detector}}")],
        "cps",
        12,
    )
    counted = (_TIME, Column("device"), Column("id"))
    yield rows("By day", "How many on each day.", ItemsQuery(_ALL, counted), 4, [_days(), counted_by("time")])
    yield linked(
        rows("By device", "How many of each device.", ItemsQuery(_ALL, counted), 8, [counted_by("device")]),
        "device",
        "/d/headrace-devices?var-device=${__value.raw:percentencode}",
    )
    yield rows("All devices", "Newest first.", ItemsQuery(_ALL, LISTED))
    yield rates("Feedback", "What operators said in the last hour, and what of it moved no threshold.", _feedback())
    scores = (_TIME, Column("score", "number"), Column("threshold", "number"))
    query = ItemsQuery(f"{_OF_DEVICE}&order=asc", scores)
    yield series("Scores of ${device}", "Above the threshold a reading is an anomaly.", query, 16, points=True)
    yield rows("Anomalies of ${device}", "Newest first.", ItemsQuery(_OF_DEVICE, LISTED))


def _feedback() -> Iterator[tuple[str, str]]:
    total = "headrace_anomaly_feedback_total"
    yield f'sum by (verdict) (increase({total}{{fate="moved"}}[1h]))', "{{verdict}}"
    yield f'sum(increase({total}{{fate!="moved"}}[1h]))', "without effect"


def _days() -> DataTransformerConfig:
    return DataTransformerConfig(
        id_val="formatTime", options={"timeField": "time", "outputFormat": "YYYY-MM-DD", "useTimezone": True}
    )
