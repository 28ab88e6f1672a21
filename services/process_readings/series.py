"""What is remembered of one metric of one device: its recent readings by event time, and its detector."""

from headrace.records import FeedbackVerdict
from process_readings.cells import chunk_key, feedback_key, snapshot_key
from process_readings.detect.detector import Detector
from process_readings.detect.kept_detector import Kept, KeptDetector, restore
from process_readings.detect.level_pool import LevelPool
from process_readings.event_time import Span
from process_readings.feedback import Fate, SeriesFeedback
from process_readings.metric_plan import MetricPlan
from process_readings.rows import Rows

NO_LEVEL = -1


class Series(Rows):
    """One metric of one device. Repeats are recognised by its rows, and windows are computed from them.

    Attributes:
        index: the place of the series in the device's cells.
        order: series of a device are in the order in which they were first seen.
        level: row of its detector in the pool of the partition, or `NO_LEVEL`.
        detector: a detector of another kind.
        stored: signature and state of the detector that a restored series had, until it is used again.
        has_snapshot: the detector's snapshot is in a cell.
        feedback: what operators say of its anomalies, if they said anything.
        has_feedback: that is in a cell.
        remembered: identities that hold no usable event time, oldest first.
        run_value, run_length, run_since: the present run of equal values, in arrival order.
        is_out: the newest reading was out of range, so the next one that is so is no new anomaly.
        emitted: count at the last emission of windows that were emitted while the device was idle.
        unit: of the newest reading.
    """

    __slots__ = (
        "detector",
        "emitted",
        "feedback",
        "has_feedback",
        "has_snapshot",
        "index",
        "is_out",
        "level",
        "metric",
        "order",
        "plan",
        "remembered",
        "run_length",
        "run_since",
        "run_value",
        "stored",
        "unit",
    )

    def __init__(self, metric: str, plan: MetricPlan, index: int = 0, order: int = 0) -> None:
        super().__init__()
        self.metric = metric
        self.plan = plan
        self.index = index
        self.order = order
        self.level = NO_LEVEL
        self.detector: KeptDetector | None = None
        self.stored: tuple[bytes, Kept] | None = None
        self.has_snapshot = False
        self.feedback: SeriesFeedback | None = None
        self.has_feedback = False
        self.remembered: dict[int, None] | None = None
        self.run_value = float("nan")
        self.run_length = 0
        self.run_since = 0
        self.is_out = False
        self.emitted: dict[Span, int] | None = None
        self.unit: str | None = None

    def start_detector(self, levels: LevelPool) -> None:
        """Makes the detector of the plan; goes on from the stored state if it is of the same kind, and with what
        operators said if it is of the same family.

        Raises:
            ValueError: the stored state is damaged.
        """
        plan, state = self.plan, None
        if self.stored is not None and self.stored[0] == plan.signature:
            state = self.stored[1]
        self.stored = None
        if self.feedback is not None and self.feedback.family != plan.rule.detector:
            self.feedback = None
        if plan.prototype is not None:
            self.level = levels.add(plan.prototype, state.recent if state else None, self._steps())
        elif plan.make_detector is not None:
            self.detector = restore(self._make, state) if state else KeptDetector(self._make())

    def stop_detector(self, levels: LevelPool) -> None:
        """Lets the detector go."""
        if self.level != NO_LEVEL:
            levels.release(self.level)
        self.level, self.detector, self.stored = NO_LEVEL, None, None

    def use(self, plan: MetricPlan, levels: LevelPool) -> None:
        """Goes on under another plan, with the detector that it has where it fits."""
        former, self.plan = self.plan, plan
        if self.stored is not None:
            self.start_detector(levels)
        elif former.signature != plan.signature:
            self.stop_detector(levels)
            self.start_detector(levels)

    def hear(self, anomaly: bytes, verdict: FeedbackVerdict, levels: LevelPool) -> Fate:
        """Takes what was said of an anomaly that the present detector found.

        Args:
            anomaly: the 16 bytes of its id.
        """
        if self.feedback is None:
            self.feedback = SeriesFeedback(self.plan.rule.detector)
        fate = self.feedback.hear(anomaly, verdict)
        if fate == "moved" and self.level != NO_LEVEL:
            levels.heed(self.level, self.feedback.steps)
        elif fate == "moved" and self.detector is not None:
            self.detector.heed(self.feedback.steps)
        return fate

    def take_detector(self, levels: LevelPool) -> tuple[bytes, Kept]:
        """Signature and state of the detector, both empty for none; the snapshot if it is newer than the last call."""
        if self.level != NO_LEVEL:
            return self.plan.signature, Kept(levels.state(self.level))
        if self.detector is not None:
            return self.plan.signature, self.detector.take()
        if self.stored is not None:
            return self.stored[0], Kept(self.stored[1].recent)
        return b"", Kept(b"")

    def cell_keys(self, device: bytes) -> list[bytes]:
        """The keys of the cells that hold this series alone, as they were last written.

        Args:
            device: the device's key.
        """
        keys = [chunk_key(device, self.index, number) for number in self.chunk_numbers()]
        if self.has_snapshot:
            keys.append(snapshot_key(device, self.index))
        if self.has_feedback:
            keys.append(feedback_key(device, self.index))
        return keys

    def needs_snapshot(self) -> bool:
        """Whether the detector goes on from a snapshot, written or not."""
        if self.stored is not None:
            return self.stored[1].snapshot is not None
        return self.detector is not None and self.detector.has_snapshot

    def _steps(self) -> int:
        return 0 if self.feedback is None else self.feedback.steps

    def _make(self) -> Detector:
        assert self.plan.make_detector is not None  # noqa: S101 - asked only where there is one
        detector = self.plan.make_detector()
        detector.heed(self._steps())
        return detector
