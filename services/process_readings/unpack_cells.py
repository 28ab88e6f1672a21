"""Makes devices of cells; `process_readings.cells` has the format."""

from array import array
from collections.abc import Iterable, Iterator
from struct import error
from sys import intern

from headrace.errors import TerminalError
from headrace.records import split_key
from process_readings.cells import (
    CHUNK,
    CHUNK_KEY,
    DEVICE,
    EMITTED,
    FEEDBACK,
    HAS_FEEDBACK,
    HAS_SNAPSHOT,
    IS_OUT,
    JOINT,
    NO_ROUTE,
    NO_SIGNATURE,
    NO_TEXT,
    PAGE,
    PAGE_KEY,
    PARTITION,
    PARTITION_KEY,
    SCHEMA,
    SERIES,
    SERIES_KEY,
    SNAPSHOT,
    VERSION,
    VERSION_BYTE,
    PartitionCell,
)
from process_readings.detect.kept_detector import Kept
from process_readings.device_state import DeviceState
from process_readings.event_time import BEGINNING, SHORT_US, floor
from process_readings.feedback import restore_feedback
from process_readings.metric_plan import PASSING_PLAN
from process_readings.series import Series

Chunks = dict[int, dict[int, bytes]]
"""Contents by index of the series and number of the chunk."""
Singles = dict[bytes, bytes]
"""Contents of which a series or an entry of metrics together has one, by kind and index as their keys begin."""
_SINGLE_KINDS = (SNAPSHOT, FEEDBACK, JOINT)


def unpack_partition(content: bytes) -> PartitionCell:
    """What `pack_partition` packed.

    Raises:
        ValueError: it is of another version, or no such content.
    """
    _check_version(PARTITION_KEY, content)
    if len(content) != PARTITION.size:
        raise ValueError(f"cell {PARTITION_KEY!r} is damaged: {len(content)} bytes in place of {PARTITION.size}")
    _, *numbers = PARTITION.unpack(content)
    return PartitionCell(*numbers)


class CellReader:
    """Makes devices of the cells of a checkpoint.

    Raises:
        ValueError: a cell is of another version or kind, is damaged, or belongs to one that is missing.
    """

    def __init__(self, cells: Iterable[tuple[bytes, bytes]]) -> None:
        self._pages: dict[bytes, dict[int, bytes]] = {}
        self._chunks: dict[bytes, Chunks] = {}
        self._singles: dict[bytes, Singles] = {}
        for key, content in cells:
            _check_version(key, content)
            kind = key[:1]
            if kind == PAGE and len(key) > PAGE_KEY.size:
                _, page = PAGE_KEY.unpack_from(key)
                self._pages.setdefault(key[PAGE_KEY.size :], {})[page] = content
            elif kind == CHUNK and len(key) > CHUNK_KEY.size:
                _, index, number = CHUNK_KEY.unpack_from(key)
                of_device = self._chunks.setdefault(key[CHUNK_KEY.size :], {})
                of_device.setdefault(index, {})[number] = content
            elif kind in _SINGLE_KINDS and len(key) > SERIES_KEY.size:
                self._singles.setdefault(key[SERIES_KEY.size :], {})[key[: SERIES_KEY.size]] = content
            elif key != PARTITION_KEY:
                raise ValueError(f"cell {key!r} is of no kind that {SCHEMA} has")

    def devices(self) -> list[DeviceState]:
        """All devices, in their order."""
        devices = sorted((self._device(key) for key in self._pages), key=lambda device: device.order)
        if others := self._chunks or self._singles:
            raise ValueError(f"cells of series of device {next(iter(others))!r} without the device")
        return devices

    def _device(self, key: bytes) -> DeviceState:
        pages, chunks, singles = self._pages[key], self._chunks.pop(key, {}), self._singles.pop(key, {})
        try:
            device, at = _unpack_head(key, pages[0])
            found = list(_unpack_page(pages[0], at, chunks, singles))
            for page, content in pages.items():
                if page:
                    found += _unpack_page(content, len(VERSION_BYTE), chunks, singles)
            device.stored_joints = _take_joints(singles)
        except (error, KeyError, ValueError, TerminalError) as raised:
            raise ValueError(f"the cells of device {key!r} are damaged: {raised!r}") from raised
        if any(chunks.values()) or singles:
            raise ValueError(f"device {key!r} has rows, a detector or feedback of none of its series")
        for series in sorted(found, key=lambda series: series.order):
            device.restore_series(series)
        device.pages, device.dirty_pages = 1 + max(pages), 0
        return device


def _check_version(key: bytes, content: bytes) -> None:
    if content[:1] != VERSION_BYTE:
        raise ValueError(
            f"cell {key!r} is of version {content[0] if content else 'none'} and {SCHEMA} reads version {VERSION}: run "
            "the version that wrote it, or replay the input"
        )


def _unpack_head(key: bytes, content: bytes) -> tuple[DeviceState, int]:
    _, order, is_idle, next_order, last_append, watermark, final_before, evicted_before, size = DEVICE.unpack_from(
        content
    )
    at = DEVICE.size
    route = None
    if size != NO_ROUTE:
        route = content[at : at + size].decode()
        at += size
    device = DeviceState(key, *split_key(key), route)
    device.order, device.is_idle, device.next_order, device.last_append = order, is_idle, next_order, last_append
    device.watermark, device.final_before, device.evicted_before = watermark, final_before, evicted_before
    device.next_boundary = BEGINNING if watermark == BEGINNING else floor(watermark, SHORT_US) + SHORT_US
    return device, at


def _unpack_page(content: bytes, at: int, chunks: Chunks, singles: Singles) -> Iterator[Series]:
    while at < len(content):
        series, at = _unpack_series(content, at, chunks, singles)
        yield series


def _unpack_series(content: bytes, at: int, chunks: Chunks, singles: Singles) -> tuple[Series, int]:
    (
        index,
        order,
        metric_size,
        unit_size,
        bits,
        cut,
        first_chunk,
        chunk_count,
        run_value,
        run_length,
        run_since,
        emitted,
        remembered,
        detector_size,
        signature,
    ) = SERIES.unpack_from(content, at)
    take = _Taker(content, at + SERIES.size)
    series = Series(intern(take(metric_size).decode()), PASSING_PLAN, index, order)
    series.unit = None if unit_size == NO_TEXT else take(unit_size).decode()
    series.is_out, series.cut, series.first_chunk = bits & IS_OUT != 0, cut, first_chunk
    series.run_value, series.run_length, series.run_since = run_value, run_length, run_since
    if emitted:
        windows = EMITTED.iter_unpack(take(emitted * EMITTED.size))
        series.emitted = {(start, width): count for start, width, count in windows}
    if remembered:
        series.remembered = dict.fromkeys(array("q", take(8 * remembered)))
    series.has_snapshot, series.has_feedback = bits & HAS_SNAPSHOT != 0, bits & HAS_FEEDBACK != 0
    kept = Kept(take(detector_size), _take_single(singles, SNAPSHOT, index) if series.has_snapshot else None)
    if series.has_feedback:
        series.feedback = restore_feedback(_take_single(singles, FEEDBACK, index))
    series.stored = (b"" if signature == NO_SIGNATURE else signature, kept)
    own = chunks[index] if chunk_count else {}
    rows = [own.pop(number)[len(VERSION_BYTE) :] for number in range(first_chunk, first_chunk + chunk_count)]
    return series, series.restore(rows, content, take.at)


def _take_joints(singles: Singles) -> dict[int, bytes]:
    keys = [key for key in singles if key[:1] == JOINT]
    return {SERIES_KEY.unpack(key)[1]: singles.pop(key)[len(VERSION_BYTE) :] for key in keys}


def _take_single(singles: Singles, kind: bytes, index: int) -> bytes:
    return singles.pop(SERIES_KEY.pack(kind, index))[len(VERSION_BYTE) :]


class _Taker:
    """Takes parts of a content one after another."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content = content
        self.at = at

    def __call__(self, size: int) -> bytes:
        """The next part.

        Raises:
            ValueError: the content ends before.
        """
        begin, self.at = self.at, self.at + size
        if self.at > len(self._content):
            raise ValueError(f"{size} bytes at {begin} of {len(self._content)}")
        return self._content[begin : self.at]
