"""Takes what operators say of anomalies into the series that they are of."""

from headrace.errors import Reason, TerminalError
from headrace.records import AnomalyFeedback, decode, record_key, schema_name
from headrace.streams import Batch
from process_readings.counts import Counts
from process_readings.detect.joint import Joint
from process_readings.device_state import DeviceState
from process_readings.feedback import ID_BYTES, Fate
from process_readings.find_device import DeviceFinder
from process_readings.outputs import Outputs
from process_readings.state import PartitionState

FEEDBACK = "anomalies.feedback"
STAGE = "process_readings.feedback"


class FeedbackTaker:
    """The rules for records of feedback. They are no readings of their device: they move no time and wake nothing."""

    def __init__(self, devices: DeviceFinder, counts: Counts) -> None:
        self._devices = devices
        self._counts = counts

    def take(self, state: PartitionState, batch: Batch, out: Outputs) -> None:
        """Takes a batch, in order; a record that can't be read becomes a dead letter."""
        for at in range(len(batch)):
            try:
                said, anomaly = _read(batch, at)
            except TerminalError as error:
                out.write_dead_letter(error, batch, at, STAGE)
                continue
            self._counts.feedback[said.verdict, self._heed(state, said, anomaly, out)] += 1

    def _heed(self, state: PartitionState, said: AnomalyFeedback, anomaly: bytes, out: Outputs) -> Fate:
        device = self._devices.find_known(state, record_key(said.site, said.device), out)
        series = device.series.get(said.metric) if device is not None else None
        if device is None or series is None:
            return "unknown"
        if said.detector == Joint.family:
            return _heed_together(state, device, said, anomaly)
        if said.detector != series.plan.rule.detector:
            return "other_detector"
        fate = series.hear(anomaly, said.verdict, out.levels)
        if fate != "repeated":
            device.mark(series)
            state.note_change(device)
        return fate


def _heed_together(state: PartitionState, device: DeviceState, said: AnomalyFeedback, anomaly: bytes) -> Fate:
    for joint in device.joints:
        if said.metric in joint.detector.metrics:
            state.note_change(device)
            return joint.hear(anomaly, said.verdict)
    return "other_detector"


def _read(batch: Batch, at: int) -> tuple[AnomalyFeedback, bytes]:
    """A record and the bytes of its anomaly's id.

    Raises:
        TerminalError: it can't be read, belongs under another key, or its id is none.
    """
    said = decode(batch.values[at], batch.headers[at])
    if not isinstance(said, AnomalyFeedback):
        raise TerminalError(Reason.INVALID_RECORD, f"not an anomaly_feedback.v1 but a {schema_name(type(said))}")
    key = batch.keys[at]
    if key != record_key(said.site, said.device):
        raise TerminalError(Reason.INVALID_RECORD, f"about {said.site}/{said.device} under the key {key!r}")
    try:
        anomaly = bytes.fromhex(said.id)
    except ValueError:
        anomaly = b""
    if len(anomaly) != ID_BYTES:
        raise TerminalError(Reason.INVALID_RECORD, f"{said.id!r} is no id of an anomaly: not {2 * ID_BYTES} hex digits")
    return said, anomaly
