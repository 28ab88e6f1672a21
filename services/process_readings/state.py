"""The state of one partition: its devices, each with its watermark and the recent readings of its metrics."""

from collections.abc import Iterator
from datetime import UTC, tzinfo

from headrace.records import Device
from process_readings.event_time import BEGINNING, SHORT_US, WIDTHS, Span, final_before, floor
from process_readings.series import Series

MAX_METRICS = 1_000
"""Metrics of one device that are followed; a device that makes up names all the time must not fill the memory."""


class DeviceState:
    """One device.

    Attributes:
        route_type: the type that the route of its first record names.
        known: what the catalog said last.
        lateness: the allowed lateness of its type in microseconds.
        watermark: greatest event time of its readings.
        final_before: windows that start before this are final.
        next_boundary: watermark at which the next window ends or becomes final.
        last_append: append time of its last record.
        is_idle: its open windows were emitted since it was quiet, and nothing came since.
        changed: windows emitted before that the present record changed.
    """

    __slots__ = (
        "changed",
        "device",
        "evicted_before",
        "final_before",
        "is_idle",
        "key",
        "known",
        "last_append",
        "lateness",
        "next_boundary",
        "route_type",
        "series",
        "site",
        "type_name",
        "watermark",
        "zone",
    )

    def __init__(self, key: bytes, site: str, device: str, route_type: str | None) -> None:
        self.key = key
        self.site = site
        self.device = device
        self.known: Device | None = None
        self.route_type = route_type
        self.type_name = ""
        self.lateness = 0
        self.zone: tzinfo = UTC
        self.series: dict[str, Series] = {}
        self.watermark = self.final_before = self.next_boundary = self.evicted_before = BEGINNING
        self.last_append = 0
        self.is_idle = False
        self.changed: dict[tuple[str, Span], None] = {}

    def note_change(self, metric: str, time: int) -> None:
        """Notes the windows of a new reading that were emitted already."""
        for width in WIDTHS:
            if time < floor(self.watermark, width):
                self.changed[metric, (floor(time, width), width)] = None

    def advance(self, watermark: int) -> None:
        """Moves the watermark, which never goes back, and forgets what is not needed any more."""
        self.watermark = watermark
        self.next_boundary = floor(watermark, SHORT_US) + SHORT_US
        before = final_before(watermark, self.lateness)
        if before > self.final_before:
            self.final_before = before
            for series in self.series.values():
                series.truncate(before)

    def has_room(self) -> bool:
        """Whether one more metric can be followed, if need be in place of those that have no open window."""
        if len(self.series) >= MAX_METRICS and self.final_before > self.evicted_before:
            self.evicted_before = self.final_before
            open_ones = {m: s for m, s in self.series.items() if s.times and s.times[-1] >= self.final_before}
            self.series = open_ones
        return len(self.series) < MAX_METRICS


class PartitionState:
    """The devices of one partition by their key; grows with the number of devices seen since the start."""

    __slots__ = ("devices", "next_sweep")

    def __init__(self) -> None:
        self.devices: dict[bytes, DeviceState] = {}
        self.next_sweep = 0

    def quiet_since(self, append_time: int) -> Iterator[DeviceState]:
        """The devices that sent nothing since an append time and whose open windows wait to be emitted."""
        return (d for d in self.devices.values() if not d.is_idle and d.last_append <= append_time)
