"""The state of one device: its watermark and the series of its metrics."""

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo

from headrace.records import Device
from process_readings.cells import joint_key
from process_readings.detect.level_pool import LevelPool
from process_readings.device_types import Together
from process_readings.event_time import BEGINNING, SHORT_US, WIDTHS, Span, final_before, floor
from process_readings.joints import KeptJoint, make_joints
from process_readings.metric_plan import MetricPlan
from process_readings.series import Series

MAX_METRICS = 1_000
"""Metrics of one device that are followed; a device that makes up names all the time must not fill the memory."""
PAGE_SERIES = 16
"""Series whose state is in one cell, so that a device of many metrics does not write all of them again with each."""
ALL_PAGES = -1
NOT_ASKED = Device("", "", "", "observed", 0, 0)
"""Stands for what the catalog says of a device as long as it was not asked."""


class DeviceState:
    """One device.

    Attributes:
        name: site and device.
        route_type: the type that the route of its first record names.
        known: what the catalog said last.
        lateness: the allowed lateness of its type in microseconds.
        watermark: greatest event time of its readings.
        latest: no series has a row that is younger.
        final_before: windows that start before this are final.
        next_boundary: watermark at which the next window ends or becomes final.
        last_append: append time of its last record.
        is_idle: its open windows were emitted since it was quiet, and nothing came since.
        changed: windows emitted before that the present record changed.
        order: devices of a partition are in the order in which they were first seen.
        next_order: order of its next series.
        pages: how many cells its series had at the last checkpoint.
        is_paged: whether its series take more than one cell, so that `mark` matters.
        dirty_pages: bit by page, of those with a series that changed since.
        dropped: keys of the cells of series and joints that were let go since.
        joints: the detectors of metrics together.
        stored_joints: contents of their cells by index, of a restored device until its type is known.
    """

    __slots__ = (
        "_used",
        "changed",
        "dirty_pages",
        "dropped",
        "evicted_before",
        "final_before",
        "is_idle",
        "is_paged",
        "joints",
        "key",
        "known",
        "last_append",
        "lateness",
        "latest",
        "name",
        "next_boundary",
        "next_order",
        "order",
        "pages",
        "route_type",
        "series",
        "stored_joints",
        "type_name",
        "watermark",
        "zone",
    )

    def __init__(self, key: bytes, site: str, device: str, route_type: str | None) -> None:
        self.key = key
        self.name = site, device
        self.known: Device | None = NOT_ASKED
        self.route_type = route_type
        self.type_name = ""
        self.lateness = 0
        self.zone: tzinfo = UTC
        self.series: dict[str, Series] = {}
        self.latest = self.watermark = self.final_before = self.next_boundary = self.evicted_before = BEGINNING
        self.last_append = 0
        self.is_idle = False
        self.changed: dict[tuple[str, Span], None] = {}
        self.order = self.next_order = self.pages = 0
        self.dirty_pages = ALL_PAGES
        self.dropped: list[bytes] = []
        self.is_paged = False
        self.joints: tuple[KeptJoint, ...] = ()
        self.stored_joints: dict[int, bytes] = {}
        self._used = 0

    def mark(self, series: Series) -> None:
        """Notes that a series changed."""
        self.dirty_pages |= 1 << series.index // PAGE_SERIES

    def mark_each(self, changed: Iterable[Series]) -> None:
        """Notes that some series changed."""
        for series in changed:
            self.dirty_pages |= 1 << series.index // PAGE_SERIES

    def mark_all(self) -> None:
        """Notes that any series may have changed."""
        self.dirty_pages = ALL_PAGES

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
                if series.truncate(before):
                    self.mark(series)

    def has_room(self) -> bool:
        """Whether one more metric can be followed."""
        return len(self.series) < MAX_METRICS

    def can_make_room(self) -> bool:
        """Whether windows became final since `make_room`."""
        return self.final_before > self.evicted_before

    def make_room(self, levels: LevelPool) -> None:
        """Lets the series go that have no open window."""
        self.evicted_before = self.final_before
        self.mark_all()
        for metric, series in list(self.series.items()):
            if not series.times or series.times[-1] < self.final_before:
                del self.series[metric]
                self._used &= ~(1 << series.index)
                self.dropped += series.cell_keys(self.key)
                series.stop_detector(levels)

    def add_series(self, metric: str, plan: MetricPlan) -> Series:
        """Starts to follow a metric."""
        index = (~self._used & (self._used + 1)).bit_length() - 1
        series = self.series[metric] = Series(metric, plan, index, self.next_order)
        self._note_index(index)
        self.next_order += 1
        return series

    def restore_series(self, series: Series) -> None:
        """Takes a series from a checkpoint; they must come in their order."""
        self.series[series.metric] = series
        if series.times:
            self.latest = max(self.latest, series.times[-1])
        self._note_index(series.index)

    def _note_index(self, index: int) -> None:
        self._used |= 1 << index
        self.is_paged = self.is_paged or index >= PAGE_SERIES

    def used_pages(self) -> int:
        """How many pages the cells of its series take."""
        return 1 + (max(self._used.bit_length(), 1) - 1) // PAGE_SERIES

    def use_joints(self, entries: Sequence[Together]) -> None:
        """Goes on with the detectors of metrics together that its type has, with their states where they fit.

        Raises:
            ValueError: a stored state is damaged.
        """
        changed = [joint.index for joint in self.joints if joint.is_changed]
        self.joints, unused = make_joints(entries, self._joint_contents(), changed)
        self.stored_joints = {}
        self.dropped += [joint_key(self.key, index) for index in unused]

    def _joint_contents(self) -> dict[int, bytes]:
        return self.stored_joints | {joint.index: joint.content() for joint in self.joints}

    def let_go(self, levels: LevelPool) -> list[bytes]:
        """Lets all series and joints go; gives the keys of the cells that hold one of them alone."""
        for series in self.series.values():
            self.dropped += series.cell_keys(self.key)
            series.stop_detector(levels)
        self.dropped += [joint_key(self.key, index) for index in self._joint_contents()]
        return self.dropped
