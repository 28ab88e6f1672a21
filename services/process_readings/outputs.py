"""Output records: which topic, under which key, with which headers."""

from collections.abc import Iterable

from headrace import raw
from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.deadletter import DeadLetter, Source
from headrace.errors import TerminalError
from headrace.records import Record, Window, encode, headers_of
from headrace.streams import Batch, OutRecord
from process_readings.state import DeviceState

CLEAN = "readings.clean"
LATE_READINGS = "readings.late"
WINDOWS = "readings.windows"
ANOMALIES = "readings.anomalies"
REGISTRY = "devices.registry"
DECODE_STAGE = "process_readings.decode"

Outputs = list[OutRecord]


def write(device: DeviceState, topic: str, record: Record, out: Outputs) -> None:
    """Adds a record of a device, under the device's key."""
    out.append(OutRecord(topic, device.key, encode(record), headers_of(record)))


def write_windows(device: DeviceState, windows: Iterable[Window], out: Outputs) -> None:
    """Adds windows of a device."""
    for window in windows:
        write(device, WINDOWS, window, out)


def dead_letter_of(error: TerminalError, batch: Batch, index: int) -> OutRecord:
    """The dead letter of a raw record that cannot be read."""
    headers, key = batch.headers[index], batch.keys[index]
    received = raw.header(headers, raw.RECEIVED) or ""
    letter = DeadLetter.of(
        error,
        Source(batch.topic, batch.partition, batch.offsets[index]),
        DECODE_STAGE,
        int(received) if received.isdecimal() else batch.timestamps[index],
        batch.values[index],
        key,
        headers,
    )
    return OutRecord(DEADLETTERS, key, letter.value, letter.to_headers())
