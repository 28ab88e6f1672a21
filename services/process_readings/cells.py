"""How the state of a partition is kept: keys and contents of its cells, as `SCHEMA` has them.

Of each device there is a page for each 16 of its series, a chunk for each sealed part of a series' rows
(`process_readings.rows`), a snapshot for each detector whose state is too large to be written with each reading
(`detect.kept_detector`), what operators said of a series (`process_readings.feedback`), and each detector of metrics
together (`process_readings.joints`). The first page also holds what is known of the device as a whole. Numbers in
contents are little-endian, and each content starts with the version as one byte.

    partition   PARTITION
    page        DEVICE and route type in the first, VERSION_BYTE in the others; then of each series SERIES, metric,
                unit, EMITTED of each window shown while idle, remembered identities, detector, tail of the rows
    chunk       VERSION_BYTE, rows
    snapshot    VERSION_BYTE, number and state of the detector; the page says which number it goes on from
    feedback    VERSION_BYTE, steps, family, anomalies with what was said of each
    joint       VERSION_BYTE, signature, state of the detector
"""

from struct import Struct
from typing import NamedTuple

SCHEMA = "readings/1"
VERSION = 1
VERSION_BYTE = bytes([VERSION])

PARTITION_KEY = b"p"
PAGE, CHUNK, SNAPSHOT, FEEDBACK, JOINT = b"d", b"c", b"s", b"f", b"j"
PAGE_KEY = Struct(">cH")
"""Kind and number of the page; the device's key follows."""
CHUNK_KEY = Struct(">cHI")
"""Kind, index of the series and number of the chunk; the device's key follows."""
SERIES_KEY = Struct(">cH")
"""Kind and index of the series, or of the entry of metrics together; the device's key follows."""

PARTITION = Struct("<BqIi")
DEVICE = Struct("<BI?IqqqqI")
SERIES = Struct("<HIHHBqIIdIqBHI8s")
EMITTED = Struct("<qqI")
IS_OUT, HAS_SNAPSHOT, HAS_FEEDBACK = 1, 2, 4
"""Bits of what is so of a series."""
NO_TEXT = 0xFFFF
NO_ROUTE = 0xFFFF_FFFF
NO_SIGNATURE = bytes(8)

Changes = dict[bytes, bytes | None]
"""Cells by key, with None for one that is deleted."""


class PartitionCell(NamedTuple):
    """What is known of a partition as a whole."""

    next_sweep: int
    next_order: int
    partition: int


def page_key(device: bytes, page: int) -> bytes:
    """The key of a page of a device."""
    return PAGE_KEY.pack(PAGE, page) + device


def chunk_key(device: bytes, index: int, number: int) -> bytes:
    """The key of a chunk of the rows of a device's series."""
    return CHUNK_KEY.pack(CHUNK, index, number) + device


def snapshot_key(device: bytes, index: int) -> bytes:
    """The key of the snapshot of the detector of a device's series."""
    return SERIES_KEY.pack(SNAPSHOT, index) + device


def feedback_key(device: bytes, index: int) -> bytes:
    """The key of what operators said of a device's series."""
    return SERIES_KEY.pack(FEEDBACK, index) + device


def joint_key(device: bytes, index: int) -> bytes:
    """The key of a detector of metrics of a device together."""
    return SERIES_KEY.pack(JOINT, index) + device
