"""Output records: which topic, under which key, with which headers; and the anomalies among them."""

import msgspec

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.deadletter import Headers
from headrace.errors import TerminalError
from headrace.records import Anomaly, Device, Reading, Record, Window, headers_of
from headrace.streams import Batch, OutRecord
from headrace.streams.batch import ANY_PARTITION
from headrace.streams.dead_letters import dead_letter
from process_readings.counts import Counts
from process_readings.detect.level_pool import LevelPool
from process_readings.detect.robust_level import RobustLevel
from process_readings.detection import anomaly_of
from process_readings.device_state import DeviceState

CLEAN = "readings.clean"
LATE_READINGS = "readings.late"
WINDOWS = "readings.windows"
ANOMALIES = "readings.anomalies"
REGISTRY = "devices.registry"
DECODE_STAGE = "process_readings.decode"


Target = tuple[str, bytes, Headers, int]

_encode_lines = msgspec.json.Encoder().encode_lines
# Half the time of a named tuple's own constructor.
_new = tuple.__new__


class Outputs:
    """What follows from a batch, in order. Records are encoded together at the end, which costs half.

    Readings that a `RobustLevel` must judge are judged together too, by `judge`, which puts each anomaly behind its
    reading.

    Attributes:
        levels: the detectors of that kind.
        partition: of the input; what has its key goes to the same one.
        records: all but the anomalies that `judge` has yet to find; None stands for a dead letter.
        targets: topic, key, headers and partition of each.
        rows, values, places: of each reading that waits for `judge`: its detector's row, its number, its place in
            `records`.
    """

    __slots__ = ("_counts", "_letters", "levels", "partition", "places", "records", "rows", "targets", "values")

    def __init__(self, partition: int, levels: LevelPool, counts: Counts) -> None:
        self.levels = levels
        self.partition = partition
        self.records: list[Record | None] = []
        self.targets: list[Target] = []
        self.rows: list[int] = []
        self.values: list[float] = []
        self.places: list[int] = []
        self._counts = counts
        self._letters: list[OutRecord] = []

    def finish(self) -> list[OutRecord]:
        """Judges what waits for it, and encodes everything."""
        self.judge()
        lines = _encode_lines(self.records).split(b"\n")
        # An empty line follows the last one.
        written = [
            _new(OutRecord, (topic, key, line, headers, partition))
            for (topic, key, headers, partition), line in zip(self.targets, lines, strict=False)
        ]
        if self._letters:
            letters = iter(self._letters)
            return [record if of else next(letters) for of, record in zip(self.records, written, strict=True)]
        return written

    def target(self, device: DeviceState, topic: str, record: Reading | Window | Anomaly) -> Target:
        """Where such a record of a device goes: under the device's key."""
        return topic, device.key, headers_of(record), self.partition

    def write(self, device: DeviceState, topic: str, record: Reading | Window | Anomaly) -> None:
        """Adds a record of a device, under the device's key. It must not change any more."""
        self.targets.append(self.target(device, topic, record))
        self.records.append(record)

    def count_flags(self, flags: tuple[str, ...]) -> None:
        """Counts the flags of a reading that is written."""
        for flag in flags:
            self._counts.flags[flag] += 1

    def write_reading(self, device: DeviceState, topic: str, reading: Reading) -> None:
        """Adds a reading and counts its flags."""
        self.count_flags(reading.flags)
        self.write(device, topic, reading)

    def write_windows(self, device: DeviceState, windows: list[Window]) -> None:
        """Adds windows of a device."""
        if windows:
            self.targets += [self.target(device, WINDOWS, windows[0])] * len(windows)
            self.records += windows

    def write_anomaly(self, device: DeviceState, anomaly: Anomaly) -> None:
        """Adds an anomaly and counts it."""
        self._counts.anomalies[anomaly.detector] += 1
        self.write(device, ANOMALIES, anomaly)

    def write_device(self, key: bytes, record: Device) -> None:
        """Adds a device's registration."""
        self.targets.append((REGISTRY, key, headers_of(record), ANY_PARTITION))
        self.records.append(record)

    def write_dead_letter(self, error: TerminalError, batch: Batch, index: int, stage: str = DECODE_STAGE) -> None:
        """Adds the dead letter of a record that cannot be read."""
        self._counts.dead_letters[error.reason.value] += 1
        self._letters.append(dead_letter(error, batch, index, stage))
        self.targets.append((DEADLETTERS, b"", (), ANY_PARTITION))
        self.records.append(None)

    def judge_later(self, row: int, value: float) -> None:
        """Lets the detector in a row of the pool judge the reading that was written last."""
        self.rows.append(row)
        self.values.append(value)
        self.places.append(len(self.records) - 1)

    def judge(self) -> None:
        """Judges the readings that wait for it; must come before a detector goes."""
        found = self.levels.observe(self.rows, self.values) if self.rows else []
        # From the end, so that the places of those before stay what they are.
        for position, verdict in reversed(found):
            place = self.places[position]
            reading = self.records[place]
            if not isinstance(reading, Reading):
                raise TypeError(f"{reading} is no reading to judge")
            anomaly = anomaly_of(reading, self.values[position], verdict, RobustLevel)
            self._counts.anomalies[anomaly.detector] += 1
            _, key, _, partition = self.targets[place]
            self.targets.insert(place + 1, (ANOMALIES, key, headers_of(anomaly), partition))
            self.records.insert(place + 1, anomaly)
        self.rows, self.values, self.places = [], [], []
