"""The rules of process_readings: raw records and feedback in; readings, windows, anomalies, devices, dead letters out.

What they give does not depend on where batches are cut: a record is the unit. The readings of one record are judged
against the watermark that held before it, then the watermark moves, then the windows that are due are written.
"""

from collections.abc import Callable

from headrace import raw
from headrace.errors import TerminalError
from headrace.streams import Batch, OutRecord
from process_readings.cells import SCHEMA
from process_readings.counts import Counts
from process_readings.decode import decode_record
from process_readings.decode.plain_json import PlainJson
from process_readings.detect.detector import Detector
from process_readings.detect.registry import make_detector
from process_readings.device_state import DeviceState
from process_readings.device_types import DeviceTypes
from process_readings.emission import open_windows
from process_readings.find_device import DeviceFinder
from process_readings.metric_plan import MetricPlans
from process_readings.outputs import Outputs
from process_readings.registry import Catalog, first_sight
from process_readings.state import PartitionState
from process_readings.take_feedback import FEEDBACK, FeedbackTaker
from process_readings.take_joints import take_joints
from process_readings.take_readings import ReadingTaker

IS_RETAINED = (raw.MQTT_RETAIN, b"1")
FORGET_AFTER_S = 7 * 86_400.0

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
        forget_after_s: seconds of append time without a record after which a device's state is dropped; at least the
            greatest allowed lateness.
    """

    state_schema = SCHEMA

    def __init__(
        self,
        types: DeviceTypes,
        catalog: Catalog,
        future_tolerance_s: float = 60.0,
        idle_after_s: float = 10.0,
        new_detector: Callable[..., Detector] = make_detector,
        counts: Counts | None = None,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        self.counts = counts or Counts()
        self._types = types
        self._idle_after = round(idle_after_s * 1e6)
        lateness = max(types.get(name).lateness_us for name in types.names())
        # A device must have fallen quiet, and its windows been emitted, before it is forgotten.
        self._forget_after = max(round(forget_after_s * 1e6), lateness, 2 * self._idle_after)
        plans = MetricPlans(types, new_detector)
        self._devices = DeviceFinder(types, catalog, plans, self._forget_after)
        self._readings = ReadingTaker(self._devices, round(future_tolerance_s * 1e6), self.counts)
        self._feedback = FeedbackTaker(self._devices, self.counts)
        self._plain = PlainJson()

    def new_state(self) -> PartitionState:
        """State of a partition of which nothing is known."""
        return PartitionState()

    def process(self, state: PartitionState, batch: Batch) -> list[OutRecord]:
        """Takes a batch into the state and returns what follows, in order."""
        state.partition = batch.partition
        out = Outputs(batch.partition, state.levels, self.counts)
        if batch.topic == FEEDBACK:
            self._feedback.take(state, batch, out)
            return out.finish()
        for at, now in enumerate(batch.timestamps):
            if now >= state.next_sweep:
                self._sweep(state, now, out)
            self._take_record(state, batch, at, now, out)
        self.counts.records += len(batch)
        return out.finish()

    def on_idle(self, state: PartitionState, now_us: int) -> list[OutRecord]:
        """The open windows of the devices that were quiet for a while before `now_us`; moves no watermark."""
        out = Outputs(state.partition, state.levels, self.counts)
        self._write_open_windows(state, now_us, out)
        return out.finish()

    def _sweep(self, state: PartitionState, now: int, out: Outputs) -> None:
        """A device may fall quiet among busy neighbours, where the engine never calls `on_idle`."""
        self._write_open_windows(state, now, out)
        silent = state.silent_since(now - self._forget_after)
        if silent:
            out.judge()
        for device in silent:
            state.forget(device)
        state.next_sweep = now + self._idle_after // 2

    def _write_open_windows(self, state: PartitionState, now: int, out: Outputs) -> None:
        for device in state.quiet_since(now - self._idle_after):
            out.write_windows(device, open_windows(device, self.counts))
            state.fall_idle(device)

    def _take_record(self, state: PartitionState, batch: Batch, at: int, now: int, out: Outputs) -> None:
        key, value, headers = batch.keys[at], batch.values[at], batch.headers[at]
        origin = (batch.topic, batch.partition, batch.offsets[at])
        try:
            device = self._devices.find(state, key, headers, now, out)
            plain = self._plain.decode(value, headers, device.name, origin, device.zone)
            readings = plain or decode_record(value, key, headers, origin, now, device.zone)
        except TerminalError as error:
            out.write_dead_letter(error, batch, at)
            return
        self.counts.readings += len(readings)
        if device.last_append == 0:
            self._register(state, device, now, out)
        state.touch(device, now)
        first = len(out.records)
        if IS_RETAINED in headers:
            self._readings.take_retained(device, readings, now, out)
            return
        if plain:
            self._readings.take_plain(device, plain, now, out)
        else:
            self._readings.take(device, readings, now, out)
        if device.joints:
            take_joints(device, readings, first, out)

    def _register(self, state: PartitionState, device: DeviceState, now: int, out: Outputs) -> None:
        state.register(device)
        if device.known is None:
            self.counts.devices += 1
            out.write_device(device.key, first_sight(self._types, *device.name, device.type_name, now))
