"""Registry entries as rows of `devices`: what was observed and what was set are two values of one row."""

import struct

from headrace.errors import Reason, TerminalError
from headrace.records import Device
from sink_cassandra.packing import bigint, key, optional_double, sized, text, text_map
from sink_cassandra.rows import Rows, Table

_TABLES = {"observed": Table.DEVICES_OBSERVED, "api": Table.DEVICES_SET}


def pack_device(device: Device) -> bytes:
    """The user-defined type `device`, without its length."""
    return b"".join(
        (
            text(device.type),
            text(device.zone),
            bigint(device.first_seen),
            bigint(device.updated),
            optional_double(device.expected_interval),
            text_map(device.labels),
        )
    )


def add_device(rows: Rows, device: Device, appended: int) -> None:
    """Adds a registry entry that was appended to its topic at a time in microseconds.

    Raises:
        TerminalError: it can't be stored.
    """
    try:
        before = bigint(appended) + sized(pack_device(device))
    except struct.error as error:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"a number does not fit its column: {error}") from error
    rows.add(_TABLES[device.source], key(device.site), before, key(device.device))
