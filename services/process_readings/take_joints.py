"""Lets the detectors of metrics together see the readings of a record."""

from collections.abc import Sequence

from headrace.records import Reading
from process_readings.detection import anomaly_of
from process_readings.device_state import DeviceState
from process_readings.joints import KeptJoint, number_of, seen_together
from process_readings.outputs import Outputs


def take_joints(device: DeviceState, readings: Sequence[Reading], first: int, out: Outputs) -> None:
    """Judges a record whose readings were taken. A detector sees it if it has all of the metrics at one event time.

    Args:
        readings: of the record, as they were taken; those that are repeats were not written.
        first: how many output records there were before it.
    """
    written = {id(record) for record in out.records[first:]}
    for time, of_time in seen_together([each for each in readings if id(each) in written]).items():
        for joint in device.joints:
            together = [of_time[metric] for metric in joint.detector.metrics if metric in of_time]
            if len(together) == len(joint.detector.metrics):
                _judge(device, joint, together, time, out)


def _judge(device: DeviceState, joint: KeptJoint, together: Sequence[Reading], time: int, out: Outputs) -> None:
    found = joint.observe(together, time)
    if found is not None and found.verdict.is_anomaly:
        reading = together[found.metric]
        anomaly = anomaly_of(reading, number_of(reading) or 0.0, found.verdict, joint.detector)
        out.write_anomaly(device, anomaly)
