"""The dashboard "Devices": the registry, and latest values, readings, windows and anomalies of a chosen device."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from grafana.builder.anomalies import LISTED
from grafana.builder.choices import choice, device_choice, width_choice
from grafana.builder.panels import Panel, board, linked, rows, series
from grafana.builder.sources import IN_RANGE, Column, ItemsQuery

_DEVICE = "device=${device:percentencode}"
_METRIC = "metric=${metric:percentencode}"
_TIME = Column("time", "timestamp")


def devices() -> dashboard.Dashboard:
    about = "The registry, and latest values, readings, windows and anomalies of a chosen device, read from the API."
    made = board("Devices", about, _panels()).with_variable(device_choice())
    made.with_variable(choice("metric", "Metric", f"/v1/latest?{_DEVICE}", "metric"))
    return made.with_variable(width_choice(60, 10))


def _panels() -> Iterator[Panel]:
    yield linked(
        rows("Devices", "The registry, which fills itself on first sight.", _registry(), 12),
        "device",
        "/d/headrace-devices?var-device=${__value.raw:percentencode}",
    )
    yield rows("Latest of ${device}", "The reading with the newest event time of each metric.", _latest(), 12)
    yield series("${metric} of ${device}", "Readings as they are stored.", _readings())
    yield series(
        "${metric} per ${width} s", "Least, mean and greatest value of each window.", _windows("min mean max"), 12
    )
    yield series("Readings per ${width} s", "How many readings a window holds.", _windows("count"), 12)
    yield rows("Anomalies of ${device}", "Readings that a detector found improbable.", _anomalies())


def _registry() -> ItemsQuery:
    times = (Column("first_seen", "timestamp"), Column("updated", "timestamp"))
    names = tuple(map(Column, ("device", "type", "zone", "source")))
    return ItemsQuery("/v1/devices?limit=10000", (*names, *times))


def _latest() -> ItemsQuery:
    columns = (Column("metric"), Column("value"), Column("unit"), Column("flags"), _TIME)
    return ItemsQuery(f"/v1/latest?{_DEVICE}", columns)


def _readings() -> ItemsQuery:
    path = f"/v1/readings?{_DEVICE}&{_METRIC}&{IN_RANGE}&order=asc&limit=10000"
    return ItemsQuery(path, (_TIME, Column("value", "number")))


def _windows(statistics: str) -> ItemsQuery:
    path = f"/v1/windows?{_DEVICE}&{_METRIC}&width=${{width}}&{IN_RANGE}&order=asc&limit=10000"
    return ItemsQuery(path, (_TIME, *(Column(name, "number") for name in statistics.split())))


def _anomalies() -> ItemsQuery:
    return ItemsQuery(f"/v1/anomalies?{_DEVICE}&{IN_RANGE}&limit=1000", LISTED)
