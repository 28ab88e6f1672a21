"""Packs devices into cells; `process_readings.cells` has the format."""

from array import array

from process_readings.cells import (
    DEVICE,
    EMITTED,
    HAS_FEEDBACK,
    HAS_SNAPSHOT,
    IS_OUT,
    NO_ROUTE,
    NO_TEXT,
    PARTITION,
    SERIES,
    VERSION,
    VERSION_BYTE,
    Changes,
    PartitionCell,
    chunk_key,
    feedback_key,
    joint_key,
    page_key,
    snapshot_key,
)
from process_readings.detect.level_pool import LevelPool
from process_readings.device_state import ALL_PAGES, PAGE_SERIES, DeviceState
from process_readings.series import Series


def pack_partition(cell: PartitionCell) -> bytes:
    """The content of the cell under `PARTITION_KEY`."""
    return PARTITION.pack(VERSION, *cell)


def pack_device(device: DeviceState, levels: LevelPool, changes: Changes) -> None:
    """Adds the cells of a device that changed since the last call."""
    if device.is_paged or device.dropped:
        _pack_pages(device, levels, changes)
    else:
        parts = [_pack_head(device)]
        for series in device.series.values():
            _pack_series(device.key, series, levels, parts, changes)
        changes[page_key(device.key, 0)] = b"".join(parts)
    for joint in device.joints:
        if joint.is_changed:
            changes[joint_key(device.key, joint.index)] = VERSION_BYTE + joint.take()
    device.pages = device.used_pages()
    device.dirty_pages = 0


def _pack_pages(device: DeviceState, levels: LevelPool, changes: Changes) -> None:
    changes.update((key, None) for key in device.dropped)
    device.dropped = []
    dirty = device.dirty_pages | 1
    pages: dict[int, list[bytes]] = {0: [_pack_head(device)]}
    for series in device.series.values():
        page = series.index // PAGE_SERIES
        if dirty >> page & 1:
            _pack_series(device.key, series, levels, pages.setdefault(page, [VERSION_BYTE]), changes)
    for page, parts in pages.items():
        changes[page_key(device.key, page)] = b"".join(parts)
    if dirty == ALL_PAGES:
        changes.update((page_key(device.key, page), None) for page in range(device.pages) if page not in pages)


def delete_device(device: DeviceState, levels: LevelPool, changes: Changes) -> None:
    """Adds the deletion of all cells that a device may have; its series are let go."""
    changes.update((page_key(device.key, page), None) for page in range(device.pages))
    changes.update((key, None) for key in device.let_go(levels))


def _pack_head(device: DeviceState) -> bytes:
    route = None if device.route_type is None else device.route_type.encode()
    head = DEVICE.pack(
        VERSION,
        device.order,
        device.is_idle,
        device.next_order,
        device.last_append,
        device.watermark,
        device.final_before,
        device.evicted_before,
        NO_ROUTE if route is None else len(route),
    )
    return head + route if route else head


def _pack_series(device: bytes, series: Series, levels: LevelPool, parts: list[bytes], changes: Changes) -> None:
    for number, rows in series.take_chunks():
        changes[chunk_key(device, series.index, number)] = None if rows is None else VERSION_BYTE + rows
    metric = series.metric.encode()
    unit = None if series.unit is None else series.unit.encode()
    emitted, remembered = series.emitted, series.remembered
    signature, detector = series.take_detector(levels)
    _note_snapshot(device, series, detector.snapshot, changes)
    _note_feedback(device, series, changes)
    parts += (
        SERIES.pack(
            series.index,
            series.order,
            len(metric),
            NO_TEXT if unit is None else len(unit),
            IS_OUT * series.is_out | HAS_SNAPSHOT * series.has_snapshot | HAS_FEEDBACK * series.has_feedback,
            series.cut,
            series.first_chunk,
            len(series.chunk_ends),
            series.run_value,
            series.run_length,
            series.run_since,
            len(emitted) if emitted else 0,
            len(remembered) if remembered else 0,
            len(detector.recent),
            signature,
        ),
        metric,
        unit or b"",
    )
    if emitted:
        parts += [EMITTED.pack(start, width, count) for (start, width), count in emitted.items()]
    if remembered:
        parts.append(array("q", remembered).tobytes())
    parts += detector.recent, series.tail()


def _note_snapshot(device: bytes, series: Series, snapshot: bytes | None, changes: Changes) -> None:
    """Adds a new snapshot; deletes that of a detector which is gone."""
    if snapshot is not None:
        changes[snapshot_key(device, series.index)] = VERSION_BYTE + snapshot
    elif series.has_snapshot and not series.needs_snapshot():
        changes[snapshot_key(device, series.index)] = None
    series.has_snapshot = series.needs_snapshot()


def _note_feedback(device: bytes, series: Series, changes: Changes) -> None:
    """Adds what operators said since; deletes what was said of a detector which is gone."""
    feedback = series.feedback
    if feedback is not None and feedback.is_changed:
        changes[feedback_key(device, series.index)] = VERSION_BYTE + feedback.take_state()
    elif feedback is None and series.has_feedback:
        changes[feedback_key(device, series.index)] = None
    series.has_feedback = feedback is not None
