"""The detectors of metrics together that a device has by its type, and how they are kept."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from struct import Struct, error

from headrace.records import FeedbackVerdict, Reading
from process_readings import clean
from process_readings.detect.joint import Joint, JointVerdict
from process_readings.device_types import Together
from process_readings.feedback import Fate, SeriesFeedback, restore_feedback

_SIGNATURE_BYTES = 8
_SIZE = Struct("<H")
_UNSEEN_FLAGS = {clean.OUT_OF_RANGE, clean.NAN, clean.LATE, clean.UNTRACKED, clean.UNKNOWN_UNIT}
"""Of readings that have no place beside the others: no number, none in the usual unit, or not in order."""


class KeptJoint:
    """A detector, and the cell that holds its state: small, so it is written whole whenever it changed.

    Attributes:
        index: the place of its entry in the device type.
        feedback: what operators say of its anomalies, if they said anything.
        is_changed: there is something that `take` did not give yet.
    """

    __slots__ = ("_signature", "detector", "feedback", "index", "is_changed")

    def __init__(self, index: int, detector: Joint, signature: bytes) -> None:
        self.index = index
        self.detector = detector
        self.feedback: SeriesFeedback | None = None
        self.is_changed = False
        self._signature = signature

    def content(self) -> bytes:
        """What its cell is to hold: signature, size of the detector's state, that state, and the feedback if any."""
        state = self.detector.state()
        said = self.feedback.take_state() if self.feedback else b""
        return b"".join((self._signature, _SIZE.pack(len(state)), state, said))

    def restore(self, content: bytes) -> bool:
        """Goes on from what `content` gave; False, and nothing done, if it was another entry's.

        Raises:
            ValueError: it is damaged.
        """
        if content[:_SIGNATURE_BYTES] != self._signature:
            return False
        begin = _SIGNATURE_BYTES + _SIZE.size
        try:
            (size,) = _SIZE.unpack_from(content, _SIGNATURE_BYTES)
        except error as raised:
            raise ValueError(f"{len(content)} bytes are no detector of metrics together") from raised
        self.detector.restore(content[begin : begin + size])
        if said := content[begin + size :]:
            self.feedback = restore_feedback(said)
            self.detector.heed(self.feedback.steps)
        return True

    def hear(self, anomaly: bytes, verdict: FeedbackVerdict) -> Fate:
        """Takes what was said of an anomaly that the detector found, by the 16 bytes of its id."""
        if self.feedback is None:
            self.feedback = SeriesFeedback(Joint.family)
        fate = self.feedback.hear(anomaly, verdict)
        self.detector.heed(self.feedback.steps)
        self.is_changed = True
        return fate

    def take(self) -> bytes:
        """The same, which is then kept."""
        self.is_changed = False
        return self.content()

    def observe(self, readings: Sequence[Reading], time: int) -> JointVerdict | None:
        """The detector's verdict on readings of one time in the order of its metrics, which it learns."""
        self.is_changed = True
        return self.detector.observe([number_of(reading) or 0.0 for reading in readings], time)


def make_joints(
    entries: Sequence[Together], former: Mapping[int, bytes], changed: Collection[int] = ()
) -> tuple[tuple[KeptJoint, ...], list[int]]:
    """The detectors of a device type.

    Args:
        former: contents for the device's cells, by index; a detector of the same entry goes on from there.
        changed: indexes of those that are newer than the cells.

    Returns:
        The detectors, and the indexes of cells that are of no use any more.

    Raises:
        ValueError: a content is damaged.
    """
    made, used = [], set()
    for index, entry in enumerate(entries):
        detector = entry.make()
        joint = KeptJoint(index, detector, _signature(entry, detector))
        if joint.restore(former.get(index, b"")):
            joint.is_changed = index in changed
            used.add(index)
        made.append(joint)
    return tuple(made), [index for index in former if index not in used]


def _signature(entry: Together, detector: Joint) -> bytes:
    text = repr((detector.version, entry.metrics, sorted(entry.parameters.items())))
    return blake2b(text.encode(), digest_size=_SIGNATURE_BYTES).digest()


def seen_together(readings: Sequence[Reading]) -> dict[int, dict[str, Reading]]:
    """By event time and metric, those that the detectors may see, in the order in which they came."""
    found: dict[int, dict[str, Reading]] = {}
    for reading in readings:
        if number_of(reading) is not None and _UNSEEN_FLAGS.isdisjoint(reading.flags):
            found.setdefault(reading.time, {})[reading.metric] = reading
    return found


def number_of(reading: Reading) -> float | None:
    """A reading's value, None for a text or a boolean."""
    if reading.number is not None:
        return reading.number
    return None if reading.integer is None else float(reading.integer)
