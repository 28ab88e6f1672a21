"""How the state of a partition is kept: keys and contents of its cells, as `SCHEMA` has them.

Of each device there is a page for each 16 of its series, and a chunk for each sealed part of a series' rows
(`process_readings.rows`). The first page also holds what is known of the device as a whole. Numbers in contents are
little-endian, and each content starts with the version as one byte.

    partition   PARTITION
    page        DEVICE and route type in the first, VERSION_BYTE in the others; then of each series SERIES, metric,
                unit, EMITTED of each window shown while idle, remembered identities, detector, tail of the rows
    chunk       VERSION_BYTE, rows
"""

from struct import Struct
from typing import NamedTuple

SCHEMA = "readings/1"
VERSION = 1
VERSION_BYTE = bytes([VERSION])

PARTITION_KEY = b"p"
PAGE, CHUNK = b"d", b"c"
PAGE_KEY = Struct(">cH")
"""Kind and number of the page; the device's key follows."""
CHUNK_KEY = Struct(">cHI")
"""Kind, index of the series and number of the chunk; the device's key follows."""

PARTITION = Struct("<BqIi")
DEVICE = Struct("<BI?IqqqqI")
SERIES = Struct("<HIHH?qIIdIqBHI8s")
EMITTED = Struct("<qqI")
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
