"""Takes decoded readings into a device's state, one at a time, whatever they are."""

from headrace.records import Reading
from process_readings import clean
from process_readings.clean import NOT_COUNTED, clean_value, is_stuck, range_anomaly
from process_readings.counts import Counts
from process_readings.detect.kept_detector import KeptDetector
from process_readings.detection import anomaly_of
from process_readings.device_state import DeviceState
from process_readings.emission import advance
from process_readings.event_time import BEGINNING
from process_readings.find_device import DeviceFinder
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
    print_of,
    untimed_identity,
)
from process_readings.metric_plan import PASSING_PLAN
from process_readings.outputs import CLEAN, LATE_READINGS, Outputs
from process_readings.series import NO_LEVEL, Series


class ReadingTaker:
    """The rules for one reading.

    Args:
        future_tolerance: microseconds by which an event time may be ahead of the append time.
    """

    def __init__(self, devices: DeviceFinder, future_tolerance: int, counts: Counts) -> None:
        self._devices = devices
        self._future_tolerance = future_tolerance
        self._counts = counts

    def take(self, device: DeviceState, readings: list[Reading], now: int, out: Outputs) -> None:
        """Takes the readings of one record, judged by the watermark before it; then moves it and writes windows."""
        newest = BEGINNING
        for reading in readings:
            time = self._take_one(device, reading, now, out)
            if time > newest:
                newest = time
        self._settle(device, newest, out)

    def take_plain(self, device: DeviceState, readings: list[Reading], now: int, out: Outputs) -> None:
        """As `take`, for numbers of one time without unit and flags: most come in order, with nothing odd."""
        first = readings[0]
        time, is_timed = first.time, first.time_source == "device"
        is_known_by_id = first.seq is not None or first.message_id is not None
        is_in_order = device.watermark <= time <= now + self._future_tolerance
        if not is_in_order or (is_known_by_id and not is_timed):
            self.take(device, readings, now, out)
            return
        flags = () if is_timed else (clean.NO_IDENTITY,)
        print_ = print_of(first.message_id, first.seq) if is_known_by_id else 0
        newest = self._take_in_order(device, readings, flags, print_, now, out)
        self._settle(device, newest, out)

    def _take_in_order(
        self,
        device: DeviceState,
        readings: list[Reading],
        flags: tuple[str, ...],
        print_: int,
        now: int,
        out: Outputs,
    ) -> int:
        """Returns the event time of the readings that are on time, `BEGINNING` if none is."""
        time, newest, others = readings[0].time, BEGINNING, 0
        is_newest, get = time > device.latest, device.series.get
        target = out.target(device, CLEAN, readings[0])
        for reading in readings:
            series = get(reading.metric)
            value = reading.number if reading.number is not None else float(reading.integer or 0)
            if not (
                series is not None
                and (plan := series.plan).plain_low <= value <= plan.plain_high
                and (is_newest or series.is_newest(time))
            ):
                others += 1
                newest = max(newest, self._take_one(device, reading, now, out))
                continue
            newest = time
            if device.is_paged:
                device.mark(series)
            series.times.append(time)
            series.values.append(value)
            if print_ or series.prints is not None:
                series.add_print(print_)
            series.is_out, reading.unit, series.unit = False, plan.unit, plan.unit
            if plan.stuck is not None:
                if value != series.run_value:
                    series.run_value, series.run_length, series.run_since = value, 1, time
                elif is_stuck(series, value, time):
                    reading.flags = (clean.STUCK,)
            if flags:
                reading.flags = (*flags, *reading.flags)
            if reading.flags:
                out.count_flags(reading.flags)
            if series.level != NO_LEVEL:
                out.rows.append(series.level)
                out.values.append(value)
                out.places.append(len(out.records))
            out.targets.append(target)
            out.records.append(reading)
            if series.detector is not None:
                self._judge(device, series.detector, reading, value, out)
        device.latest = max(device.latest, newest)
        self._counts.clean += len(readings) - others
        return newest

    def _settle(self, device: DeviceState, newest: int, out: Outputs) -> None:
        """Moves the watermark to the newest event time of a record, and writes the windows that are due then."""
        if newest >= device.next_boundary or device.changed:
            out.write_windows(device, advance(device, newest, self._counts))
        elif newest > device.watermark:
            device.watermark = newest

    def take_retained(self, device: DeviceState, readings: list[Reading], now: int, out: Outputs) -> None:
        """Takes a retained replay, which is no new reading: it is in no window, seen by no detector and moves no
        watermark.

        With a time of its own it is stored, flagged, unless it is there already; without one it is only counted.
        """
        for reading in readings:
            series = self._series(device, reading.metric, out)
            if series is None or reading.time_source == "received":
                self._counts.retained += 1
            else:
                self._take_retained(device, series, reading, now, out)

    def _take_one(self, device: DeviceState, reading: Reading, now: int, out: Outputs) -> int:
        """Returns the event time of a reading that is on time, else `BEGINNING`."""
        series = self._series(device, reading.metric, out)
        if series is None:
            self._write_untracked(device, reading, now, out)
            return BEGINNING
        value = clean_value(series, reading)
        has_usable_time = reading.time_source == "device" and reading.time <= now + self._future_tolerance
        if not has_usable_time and self._is_repeat_without_time(series, reading, now):
            self._counts.repeats += 1
            return BEGINNING
        print_ = fingerprint(reading, value)
        n = place(device, series, reading.time, value, print_)
        if n == REPEAT:
            self._counts.repeats += 1
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
        self._counts.clean += 1
        if value != value:
            out.write_reading(device, CLEAN, reading)
            self._note_out_of_range(device, series, reading, out)
            return
        time = reading.time
        series.is_out = False
        if series.plan.rule.stuck is not None and time == series.times[-1] and is_stuck(series, value, time):
            reading.flags = (*reading.flags, clean.STUCK)
        if time < device.watermark:
            device.note_change(series.metric, time)
        out.write_reading(device, CLEAN, reading)
        if series.level != NO_LEVEL:
            out.judge_later(series.level, value)
        elif series.detector is not None:
            self._judge(device, series.detector, reading, value, out)

    def _judge(self, device: DeviceState, detector: KeptDetector, reading: Reading, value: float, out: Outputs) -> None:
        verdict = detector.observe(value, reading.time)
        if verdict is not None and verdict.is_anomaly:
            out.write_anomaly(device, anomaly_of(reading, value, verdict, detector.detector))

    def _note_out_of_range(self, device: DeviceState, series: Series, reading: Reading, out: Outputs) -> None:
        """Only the first of a run is an anomaly: a sensor that went bad would raise one with each reading."""
        if clean.OUT_OF_RANGE not in reading.flags:
            return
        if not series.is_out:
            out.write_anomaly(device, range_anomaly(series, reading))
        series.is_out = True

    def _write_late(self, device: DeviceState, reading: Reading, out: Outputs) -> None:
        reading.n = hashed_n(reading)
        reading.flags = (*reading.flags, clean.LATE)
        self._counts.late += 1
        out.write_reading(device, LATE_READINGS, reading)

    def _write_untracked(self, device: DeviceState, reading: Reading, now: int, out: Outputs) -> None:
        passing = Series(reading.metric, PASSING_PLAN)
        clean_value(passing, reading)
        self._is_repeat_without_time(passing, reading, now)
        reading.n = hashed_n(reading)
        reading.flags = (*reading.flags, clean.UNTRACKED)
        self._counts.untracked += 1
        out.write_reading(device, CLEAN, reading)

    def _take_retained(self, device: DeviceState, series: Series, reading: Reading, now: int, out: Outputs) -> None:
        value = clean_value(series, reading)
        if self._is_repeat_without_time(series, reading, now) or holds(series, reading, value):
            self._counts.repeats += 1
            return
        reading.flags = (*reading.flags, clean.RETAINED)
        n = place(device, series, reading.time, NOT_COUNTED, fingerprint(reading, NOT_COUNTED))
        if n == REPEAT:
            self._counts.repeats += 1
        elif n == LATE:
            self._write_late(device, reading, out)
        else:
            reading.n = hashed_n(reading) if reading.device_time is not None else n
            self._counts.clean += 1
            out.write_reading(device, CLEAN, reading)

    def _series(self, device: DeviceState, metric: str, out: Outputs) -> Series | None:
        series = device.series.get(metric) or self._devices.new_series(device, metric, out)
        if series is not None:
            device.mark(series)
        return series
