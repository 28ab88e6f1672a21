"""What is remembered of one metric of one device: its recent readings by event time, and its detector."""

from process_readings.detect.detector import Detector
from process_readings.detect.level_pool import LevelPool
from process_readings.event_time import Span
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
        remembered: identities that hold no usable event time, oldest first.
        run_value, run_length, run_since: the present run of equal values, in arrival order.
        is_out: the newest reading was out of range, so the next one that is so is no new anomaly.
        emitted: count at the last emission of windows that were emitted while the device was idle.
        unit: of the newest reading.
    """

    __slots__ = (
        "detector",
        "emitted",
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
        self.detector: Detector | None = None
        self.stored: tuple[bytes, bytes] | None = None
        self.remembered: dict[int, None] | None = None
        self.run_value = float("nan")
        self.run_length = 0
        self.run_since = 0
        self.is_out = False
        self.emitted: dict[Span, int] | None = None
        self.unit: str | None = None

    def start_detector(self, levels: LevelPool) -> None:
        """Makes the detector of the plan; goes on from the stored state if it is of the same kind.

        Raises:
            ValueError: the stored state is damaged.
        """
        plan, state = self.plan, None
        if self.stored is not None and self.stored[0] == plan.signature:
            state = self.stored[1]
        self.stored = None
        if plan.prototype is not None:
            self.level = levels.add(plan.prototype, state)
        elif plan.make_detector is not None:
            self.detector = plan.make_detector()
            if state is not None:
                self.detector.restore(state)

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

    def detector_state(self, levels: LevelPool) -> tuple[bytes, bytes]:
        """Signature and state of the detector, both empty for none."""
        if self.level != NO_LEVEL:
            return self.plan.signature, levels.state(self.level)
        if self.detector is not None:
            return self.plan.signature, self.detector.state()
        return self.stored or (b"", b"")
