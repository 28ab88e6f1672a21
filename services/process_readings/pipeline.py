"""The rules of process_readings: raw records in; readings, windows, anomalies, devices and dead letters out.

What they give does not depend on where batches are cut: a record is the unit. The readings of one record are judged
against the watermark that held before it, then the watermark moves, then the windows that are due are written.
"""

from collections.abc import Callable

from headrace import raw
from headrace.deadletter import Headers
from headrace.errors import TerminalError
from headrace.records import Device, Reading, split_key
from headrace.streams import Batch
from process_readings import clean
from process_readings.clean import NOT_COUNTED, clean_value, is_stuck, range_anomaly
from process_readings.counts import Counts
from process_readings.decode import decode_record
from process_readings.detect.detector import Detector
from process_readings.detect.registry import make_detector
from process_readings.detection import detect
from process_readings.device_types import ANY_METRIC, DEFAULT, NO_DETECTOR, DeviceTypes, MetricRule, zone_of
from process_readings.emission import advance, open_windows
from process_readings.event_time import BEGINNING
from process_readings.identity import (
    CONFLICT,
    LATE,
    REPEAT,
    conflicts,
    fingerprint,
    hashed_n,
    holds,
    is_remembered,
    place,
    untimed_identity,
)
from process_readings.outputs import (
    ANOMALIES,
    CLEAN,
    LATE_READINGS,
    REGISTRY,
    Outputs,
    dead_letter_of,
    write,
    write_windows,
)
from process_readings.registry import Catalog, first_sight
from process_readings.series import Series
from process_readings.state import DeviceState, PartitionState

IS_RETAINED = (raw.MQTT_RETAIN, b"1")

__all__ = ["PartitionState", "ReadingRules"]


class ReadingRules:
    """Implements `headrace.streams.Rules`; one object serves all partitions of a process.

    Args:
        types: the device types.
        catalog: what is registered of (site, device); asked once per record.
        future_tolerance_s: seconds by which an event time may be ahead of the append time before it is clamped to it.
        idle_after_s: seconds without a record after which a device's open windows are emitted as they are.
        new_detector: makes a detector by name and parameters.
        counts: what was done, for metrics.
    """

    def __init__(
        self,
        types: DeviceTypes,
        catalog: Catalog,
        future_tolerance_s: float = 60.0,
        idle_after_s: float = 10.0,
        new_detector: Callable[..., Detector] = make_detector,
        counts: Counts | None = None,
    ) -> None:
        self._types = types
        self._catalog = catalog
        self._future_tolerance = round(future_tolerance_s * 1e6)
        self._idle_after = round(idle_after_s * 1e6)
        self._new_detector = new_detector
        self.counts = counts or Counts()

    def new_state(self) -> PartitionState:
        """State of a partition of which nothing is known."""
        return PartitionState()

    def process(self, state: PartitionState, batch: Batch) -> Outputs:
        """Takes a batch into the state and returns what follows, in order."""
        out: Outputs = []
        for index in range(len(batch)):
            self._take_record(state, batch, index, out)
        return out

    def on_idle(self, state: PartitionState, now_us: int) -> Outputs:
        """The open windows of the devices that were quiet for a while before `now_us`; moves no watermark."""
        out: Outputs = []
        for device in state.quiet_since(now_us - self._idle_after):
            write_windows(device, open_windows(device, self.counts), out)
        return out

    def _take_record(self, state: PartitionState, batch: Batch, index: int, out: Outputs) -> None:
        now, key, headers = batch.timestamps[index], batch.keys[index], batch.headers[index]
        if now >= state.next_sweep:
            # A device may fall quiet among busy neighbours, where the engine never calls `on_idle`.
            out += self.on_idle(state, now)
            state.next_sweep = now + self._idle_after // 2
        self.counts.records += 1
        origin = (batch.topic, batch.partition, batch.offsets[index])
        try:
            device = self._device_of(state, key, headers)
            readings = decode_record(batch.values[index], key, headers, origin, now, device.zone)
        except TerminalError as error:
            self._write_dead_letter(error, batch, index, out)
            return
        self.counts.readings += len(readings)
        if device.last_append == 0:
            self._register(state, device, now, out)
        device.last_append, device.is_idle = now, False
        if IS_RETAINED in headers:
            for reading in readings:
                self._take_retained(device, reading, now, out)
            return
        self._take_readings(device, readings, now, out)

    def _take_readings(self, device: DeviceState, readings: list[Reading], now: int, out: Outputs) -> None:
        newest = BEGINNING
        for reading in readings:
            time = self._take_reading(device, reading, now, out)
            if time > newest:
                newest = time
        if newest >= device.next_boundary or device.changed:
            write_windows(device, advance(device, newest, self.counts), out)
        elif newest > device.watermark:
            device.watermark = newest

    def _take_reading(self, device: DeviceState, reading: Reading, now: int, out: Outputs) -> int:
        """Returns the event time of a reading that is on time, else `BEGINNING`."""
        series = device.series.get(reading.metric) or self._new_series(device, reading.metric)
        if series is None:
            self._write_untracked(device, reading, now, out)
            return BEGINNING
        value = clean_value(series, reading)
        has_usable_time = reading.time_source == "device" and reading.time <= now + self._future_tolerance
        if not has_usable_time and self._is_repeat_without_time(series, reading, now):
            self.counts.repeats += 1
            return BEGINNING
        print_ = fingerprint(reading, value)
        n = place(series, reading.time, value, print_, device.final_before)
        if n == REPEAT:
            self.counts.repeats += 1
            return BEGINNING
        if n == LATE:
            self._write_late(device, reading, out)
            return BEGINNING
        if reading.device_time is not None:
            reading.n = hashed_n(reading)
        elif n:
            reading.n = n
            if conflicts(series, reading.time, n, print_):
                reading.flags = (*reading.flags, CONFLICT)
        self._write_clean(device, series, reading, value, out)
        return reading.time

    def _is_repeat_without_time(self, series: Series, reading: Reading, now: int) -> bool:
        """Whether a reading that has no usable event time was there before; clamps a time in the future."""
        time = reading.time
        if time > now + self._future_tolerance:
            if is_remembered(series, untimed_identity(reading, time)):
                return True
            reading.device_time, reading.time = time, now
            reading.flags = (*reading.flags, clean.FUTURE_CLOCK)
        elif reading.time_source == "received":
            if reading.message_id is not None or reading.seq is not None:
                return is_remembered(series, untimed_identity(reading, None))
            reading.flags = (*reading.flags, clean.NO_IDENTITY)
        return False

    def _write_clean(self, device: DeviceState, series: Series, reading: Reading, value: float, out: Outputs) -> None:
        self.counts.clean += 1
        if value != value:
            self._write(device, CLEAN, reading, out)
            self._note_out_of_range(device, series, reading, out)
            return
        time = reading.time
        series.is_out = False
        if series.stuck is not None and time == series.times[-1] and is_stuck(series, value, time):
            reading.flags = (*reading.flags, clean.STUCK)
        if time < device.watermark:
            device.note_change(series.metric, time)
        self._write(device, CLEAN, reading, out)
        if series.detector is not None and (anomaly := detect(series.detector, reading, value)):
            self.counts.anomalies[anomaly.detector] += 1
            write(device, ANOMALIES, anomaly, out)

    def _note_out_of_range(self, device: DeviceState, series: Series, reading: Reading, out: Outputs) -> None:
        """Only the first of a run is an anomaly: a sensor that went bad would raise one with each reading."""
        if clean.OUT_OF_RANGE not in reading.flags:
            return
        if not series.is_out:
            self.counts.anomalies[clean.RANGE_FAMILY] += 1
            write(device, ANOMALIES, range_anomaly(series, reading), out)
        series.is_out = True

    def _write_late(self, device: DeviceState, reading: Reading, out: Outputs) -> None:
        reading.n = hashed_n(reading)
        reading.flags = (*reading.flags, clean.LATE)
        self.counts.late += 1
        self._write(device, LATE_READINGS, reading, out)

    def _write_untracked(self, device: DeviceState, reading: Reading, now: int, out: Outputs) -> None:
        passing = Series(reading.metric, ANY_METRIC, None)
        clean_value(passing, reading)
        self._is_repeat_without_time(passing, reading, now)
        reading.n = hashed_n(reading)
        reading.flags = (*reading.flags, clean.UNTRACKED)
        self.counts.untracked += 1
        self._write(device, CLEAN, reading, out)

    def _take_retained(self, device: DeviceState, reading: Reading, now: int, out: Outputs) -> None:
        """A retained replay is no new reading: it is in no window, seen by no detector and moves no watermark.

        With a time of its own it is stored, flagged, unless it is there already; without one it is only counted.
        """
        series = device.series.get(reading.metric) or self._new_series(device, reading.metric)
        if series is None or reading.time_source == "received":
            self.counts.retained += 1
            return
        value = clean_value(series, reading)
        if self._is_repeat_without_time(series, reading, now) or holds(series, reading, value):
            self.counts.repeats += 1
            return
        reading.flags = (*reading.flags, clean.RETAINED)
        n = place(series, reading.time, NOT_COUNTED, fingerprint(reading, NOT_COUNTED), device.final_before)
        if n == REPEAT:
            self.counts.repeats += 1
        elif n == LATE:
            self._write_late(device, reading, out)
        else:
            reading.n = hashed_n(reading) if reading.device_time is not None else n
            self.counts.clean += 1
            self._write(device, CLEAN, reading, out)

    def _new_series(self, device: DeviceState, metric: str) -> Series | None:
        """Starts to follow a metric, if the device has room for one more."""
        if not device.has_room():
            return None
        rule = self._types.rule(device.type_name, metric)
        series = device.series[metric] = Series(metric, rule, self._detector_of(rule))
        return series

    def _detector_of(self, rule: MetricRule) -> Detector | None:
        return None if rule.detector == NO_DETECTOR else self._new_detector(rule.detector, **rule.parameters)

    def _device_of(self, state: PartitionState, key: bytes | None, headers: Headers) -> DeviceState:
        """The state of a record's device, under the type that the catalog gives it now.

        A device seen for the first time is not in the partition's state yet: nobody knows if its record can be read.

        Raises:
            TerminalError: the key is not `site/device`.
        """
        found = state.devices.get(key) if key is not None else None
        if found is None:
            site, name = split_key(key)
            found = DeviceState(key or b"", site, name, raw.header(headers, raw.DEVICE_TYPE))
            self._adopt(found, self._catalog(site, name))
        elif (known := self._catalog(found.site, found.device)) is not found.known:
            self._adopt(found, known)
        return found

    def _adopt(self, device: DeviceState, known: Device | None) -> None:
        """Goes on with a device as it is registered now; its readings, windows and fitting detectors stay."""
        device.known = known
        type_name = known.type if known else device.route_type or DEFAULT
        kind = self._types.get(type_name)
        device.lateness = kind.lateness_us
        device.zone = zone_of(known.zone if known else kind.zone, kind.zone)
        if type_name == device.type_name:
            return
        device.type_name = type_name
        for series in device.series.values():
            rule = self._types.rule(type_name, series.metric)
            same = (rule.detector, rule.parameters) == (series.rule.detector, series.rule.parameters)
            series.use(rule, series.detector if same else self._detector_of(rule))

    def _register(self, state: PartitionState, device: DeviceState, now: int, out: Outputs) -> None:
        state.devices[device.key] = device
        if device.known is None:
            self.counts.devices += 1
            record = first_sight(self._types, device.site, device.device, device.type_name, now)
            write(device, REGISTRY, record, out)

    def _write_dead_letter(self, error: TerminalError, batch: Batch, index: int, out: Outputs) -> None:
        self.counts.dead_letters[error.reason.value] += 1
        out.append(dead_letter_of(error, batch, index))

    def _write(self, device: DeviceState, topic: str, reading: Reading, out: Outputs) -> None:
        if reading.flags:
            self.counts.flags.update(reading.flags)
        write(device, topic, reading, out)
