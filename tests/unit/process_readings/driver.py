"""Drives the rules of process_readings without a broker: raw records in, decoded output records out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from headrace.deadletter import DeadLetter, Headers
from headrace.records import (
    Anomaly,
    AnomalyFeedback,
    Device,
    FeedbackVerdict,
    Reading,
    Record,
    Window,
    decode,
    encode,
    headers_of,
    record_key,
)
from headrace.streams import Batch, OutRecord
from headrace.streams.batch import compact
from process_readings.device_types import DeviceType, DeviceTypes
from process_readings.pipeline import ReadingRules

T0 = 1_700_000_040_000_000
"""The start of a 60 s window."""
SECOND = 1_000_000
R = TypeVar("R", Reading, Window, Anomaly, Device)


def types_of(**types: dict[str, object]) -> DeviceTypes:
    """Device types from plain entries; `default` is there if it is not given."""
    entries = {"default": {}, **types}
    return DeviceTypes({name: DeviceType.model_validate({"about": name, **entry}) for name, entry in entries.items()})


@dataclass
class Raw:
    """A record of readings.raw. `at` is its append time, in seconds after T0."""

    value: bytes
    at: float
    key: bytes | None = b"main/meter"
    headers: dict[str, str] = field(default_factory=dict)

    def all_headers(self) -> list[tuple[str, bytes]]:
        known = {"format": "json", "received": str(micros(self.at)), **self.headers}
        return [(name, text.encode()) for name, text in known.items()]


def micros(seconds: float) -> int:
    """Microseconds UTC of a time given in seconds after T0."""
    return T0 + round(seconds * SECOND)


def feedback(of: Anomaly, verdict: FeedbackVerdict = "false") -> AnomalyFeedback:
    """What an operator says of an anomaly."""
    return AnomalyFeedback(
        of.id, of.site, of.device, of.metric, of.time, of.n, of.detector, verdict, T0, author="control-room"
    )


def telemetry(time: float | None, at: float | None = None, seq: int | None = None, **values: object) -> Raw:
    """A flat message with a device time (seconds after T0), appended at that time unless told otherwise."""
    body: dict[str, object] = dict(values)
    if time is not None:
        body["ts"] = micros(time) / 1_000
    if seq is not None:
        body["seq"] = seq
    moment = at if at is not None else time
    assert moment is not None
    return Raw(json.dumps(body).encode(), moment)


class Driver:
    """One partition under the rules; what came out is kept and can be asked for by kind."""

    def __init__(
        self,
        types: DeviceTypes | None = None,
        catalog: Callable[[str, str], Device | None] = lambda _site, _device: None,
        idle_after_s: float = 10.0,
        forget_after_s: float = 7 * 86_400,
    ) -> None:
        self.rules = ReadingRules(
            types or types_of(),
            catalog,
            future_tolerance_s=60,
            idle_after_s=idle_after_s,
            forget_after_s=forget_after_s,
        )
        self.state = self.rules.new_state()
        self.outputs: list[OutRecord] = []
        self.cells: dict[bytes, bytes] = {}
        self._offset = self._said = 0

    def send(self, *records: Raw) -> list[OutRecord]:
        """Gives the records as one batch and returns what follows."""
        first, self._offset = self._offset, self._offset + len(records)
        batch = Batch(
            "readings.raw",
            0,
            list(range(first, self._offset)),
            [micros(record.at) for record in records],
            [record.key for record in records],
            [record.value for record in records],
            [record.all_headers() for record in records],
        )
        found = self.rules.process(self.state, batch)
        self.outputs += found
        return found

    def say(self, *said: AnomalyFeedback) -> list[OutRecord]:
        """Gives feedback as one batch of its topic."""
        keys = [record_key(one.site, one.device) for one in said]
        return self.say_bytes(*((key, encode(one), headers_of(one)) for key, one in zip(keys, said, strict=True)))

    def say_bytes(self, *records: tuple[bytes | None, bytes | None, Headers]) -> list[OutRecord]:
        """Gives keys, values and headers as one batch of feedback."""
        first, self._said = self._said, self._said + len(records)
        keys, values, headers = zip(*records, strict=True)
        offsets = range(first, self._said)
        batch = Batch("anomalies.feedback", 0, offsets, [T0] * len(records), keys, values, headers)
        found = self.rules.process(self.state, batch)
        self.outputs += found
        return found

    def send_in_batches(self, records: Sequence[Raw], cuts: Sequence[int]) -> None:
        """Gives the records cut before the given positions."""
        edges = sorted({0, len(records), *(cut for cut in cuts if 0 < cut < len(records))})
        for begin, end in pairwise(edges):
            self.send(*records[begin:end])

    def idle(self, at: float) -> list[OutRecord]:
        """Says that nothing came until `at`."""
        found = self.rules.on_idle(self.state, micros(at))
        self.outputs += found
        return found

    def checkpoint(self) -> dict[bytes, bytes | None]:
        """Writes the changed cells, as the engine does into the compacted changelog; returns them."""
        changes = list(self.state.take_changes())
        keys = [key for key, _ in changes]
        assert len(set(keys)) == len(keys), "a key is written once a checkpoint"
        compact(self.cells, changes)
        return dict(changes)

    def restart(self) -> None:
        """Goes on with a state that is made of the cells of the last checkpoint."""
        self.state = self.rules.new_state()
        self.state.restore(self.cells)

    def clean(self, metric: str | None = None) -> list[Reading]:
        """What was written to readings.clean."""
        return [r for r in self._of("readings.clean", Reading) if metric in (None, r.metric)]

    def late(self) -> list[Reading]:
        return self._of("readings.late", Reading)

    def windows(self, width: int | None = None) -> list[Window]:
        """What was written to readings.windows, of a width in seconds."""
        return [w for w in self._of("readings.windows", Window) if width is None or w.width == width * SECOND]

    def anomalies(self) -> list[Anomaly]:
        return self._of("readings.anomalies", Anomaly)

    def devices(self) -> list[Device]:
        return self._of("devices.registry", Device)

    def dead_letters(self) -> list[DeadLetter]:
        return [
            DeadLetter.from_record(record.value, record.key, record.headers)
            for record in self.outputs
            if record.topic == "deadletters"
        ]

    def _of(self, topic: str, kind: type[R]) -> list[R]:
        return [r for r in map(_record, self.outputs, [topic] * len(self.outputs)) if isinstance(r, kind)]


def _record(record: OutRecord, topic: str) -> Record | None:
    return decode(record.value, record.headers) if record.topic == topic else None


def stored_windows(windows: Sequence[Window]) -> dict[tuple[str, str, int, int], Window]:
    """What a table holds that keeps the highest revision of each window."""
    table: dict[tuple[str, str, int, int], Window] = {}
    for window in windows:
        key = (window.device, window.metric, window.width, window.start)
        if key not in table or window.revision > table[key].revision:
            table[key] = window
    return table
