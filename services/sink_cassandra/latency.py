"""How old readings are when they are stored, from a few of each batch."""

from collections.abc import Sequence

from headrace.clock import MICROSECONDS
from headrace.errors import TerminalError
from headrace.records import Reading, decode
from headrace.streams.batch import Batch

TOPIC = "readings.clean"
SAMPLES = 8
"""Readings of a batch that are looked at: a histogram needs no more, and each costs a decoding."""


def latencies(batches: Sequence[Batch], now: int) -> list[float]:
    """Seconds from the device's time to `now` (µs), of evenly spread readings; without those that had no time of their
    own, whose age is not known."""
    found = []
    for batch in batches:
        if batch.topic == TOPIC:
            for index in range(0, len(batch), -(-len(batch) // SAMPLES)):
                found += _latency(batch, index, now)
    return found


def _latency(batch: Batch, index: int, now: int) -> list[float]:
    try:
        reading = decode(batch.values[index], batch.headers[index])
    except TerminalError:
        return []
    if isinstance(reading, Reading) and reading.time_source == "device":
        return [(now - reading.time) / MICROSECONDS]
    return []
