"""The dead letter of an input record that can't be used."""

from headrace import raw
from headrace.deadletter import TOPIC, DeadLetter, Source
from headrace.errors import TerminalError
from headrace.streams.batch import Batch, OutRecord


def dead_letter(error: TerminalError, batch: Batch, at: int, stage: str) -> OutRecord:
    """Of the record at a place of its batch, with its bytes."""
    headers, key = batch.headers[at], batch.keys[at]
    received = raw.header(headers, raw.RECEIVED) or ""
    letter = DeadLetter.of(
        error,
        Source(batch.topic, batch.partition, batch.offsets[at]),
        stage,
        int(received) if received.isdecimal() else batch.timestamps[at],
        batch.values[at],
        key,
        headers,
    )
    return OutRecord(TOPIC, key, letter.value, letter.to_headers())
