"""The detector that looks at several metrics of a device together."""

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from process_readings.detect.detector import Verdict
from process_readings.detect.judge import NOTHING, THRESHOLD, Judge
from process_readings.detect.members.moving_spread import NUMBERS, MovingSpread
from process_readings.detect.packed_numbers import pack_doubles, unpack_doubles
from process_readings.detect.relation import Relation

FEWEST, MOST = 2, 8
LARGEST = 1e100
"""Larger values are not judged: their squares would pass what a double holds."""
MEMORY = 1000
WARM_UP = 60
FINEST = 0.01
FAR = 4.0
RELEARN_AFTER = 20
_RUN = Struct("<?B")
_SPREAD = Struct("<" + NUMBERS)


class JointVerdict(NamedTuple):
    """What the detector says of values that came together.

    Attributes:
        metric: place of the one that is furthest off.
        verdict: of its value.
    """

    metric: int
    verdict: Verdict


class Joint:
    """Finds values that are usual each, but not together.

    Each metric's value is compared with what the others let expect of it (`Relation`), in usual spreads of that error;
    a `Judge` says how odd the oddest is, and what is one event. Metrics that change together are quiet, however much
    they change; it is for their own detectors to find that.

    Of readings in a row that are `FAR` off, the judge counts the first, so that a sensor that drifts away slowly makes
    itself no habit. After an alarm and 19 more in a row, the metric that is furthest off is taken to have moved by what
    they have in common: a lasting change is reported once, and so is the next one. An error below a hundredth of a
    metric's own spread counts as rounding.

    Args:
        metrics: their names, 2 to 8.
        threshold: score above which values are an anomaly.
    """

    family = "joint"
    version = "joint/1"

    def __init__(self, metrics: Sequence[str], threshold: float = THRESHOLD) -> None:
        if not FEWEST <= len(metrics) <= MOST or len(set(metrics)) < len(metrics):
            raise ValueError(f"metrics are {', '.join(metrics) or 'none'}; give {FEWEST} to {MOST} different ones")
        self.metrics = tuple(metrics)
        self._relation = Relation(len(metrics))
        self._errors = [MovingSpread(2, MEMORY) for _ in metrics]
        self._judge = Judge(1, threshold)
        self._was_far = False
        # Readings from an alarm on that are all far off, and their mean error.
        self._run = 0
        self._run_errors = [0.0] * len(metrics)

    def heed(self, steps: int) -> None:
        """Lets a record be 1.6 times less probable with each step; the threshold stays at least half its own."""
        self._judge.heed(steps)

    def score_one(self, values: Sequence[float], time_us: int) -> JointVerdict | None:
        """Judges values that came together, in the order of the metrics.

        Returns:
            None in the first 150 readings, or where a value is not within ±1e100.
        """
        if not _is_usable(values) or not self._judge.is_warm:
            return None
        spreads = self._relation.spreads()
        residuals = self._relation.residuals(values, spreads)
        distance, oddest = self._farthest(residuals, spreads)
        return self._verdict(values, residuals, spreads, oddest, self._judge.surprise([distance])[0])

    def learn_one(self, values: Sequence[float], time_us: int) -> None:
        """Takes values in."""
        self.observe(values, time_us)

    def observe(self, values: Sequence[float], time_us: int) -> JointVerdict | None:
        """`score_one`, then `learn_one`, with one look."""
        if not _is_usable(values):
            return None
        spreads = self._relation.spreads()
        residuals = self._relation.residuals(values, spreads)
        distance, oddest = self._farthest(residuals, spreads)
        found, surprise = None, NOTHING
        if self._judge.is_warm:
            surprise, _ = self._judge.surprise([distance])
            found = self._verdict(values, residuals, spreads, oddest, surprise)
        is_anomaly = found is not None and found.verdict.is_anomaly
        self._judge.learn([0.0 if self._was_far else distance], surprise, is_anomaly, time_us)
        self._was_far = distance >= FAR
        if residuals is not None:
            self._learn_errors(residuals, spreads, self._was_far and (is_anomaly or self._run > 0))
        self._relation.learn(values)
        return found

    def _farthest(self, residuals: Sequence[float] | None, spreads: Sequence[float]) -> tuple[float, int]:
        """The greatest distance of a residual from its usual level, and whose it is; 0 while nothing is known."""
        if residuals is None:
            return 0.0, 0
        distances = [
            abs(residual - error.level) / max(error.spread, FINEST) if spread and error.count >= WARM_UP else 0.0
            for residual, error, spread in zip(residuals, self._errors, spreads, strict=True)
        ]
        greatest = max(distances)
        return greatest, distances.index(greatest)

    def _learn_errors(self, residuals: Sequence[float], spreads: Sequence[float], is_run: bool) -> None:
        self._run = self._run + 1 if is_run else 0
        if self._run:
            self._run_errors = [
                mean + (residual - mean) / self._run
                for mean, residual in zip(self._run_errors if self._run > 1 else residuals, residuals, strict=True)
            ]
        if self._run == RELEARN_AFTER:
            self._run = 0
            _, oddest = self._farthest(self._run_errors, spreads)
            change = self._run_errors[oddest] - self._errors[oddest].level
            self._relation.shift(oddest, change * spreads[oddest])
            return
        for error, residual, spread in zip(self._errors, residuals, spreads, strict=True):
            if spread:
                error.learn(_within(residual, error))

    def _verdict(
        self,
        values: Sequence[float],
        residuals: Sequence[float] | None,
        spreads: Sequence[float],
        oddest: int,
        surprise: float,
    ) -> JointVerdict:
        score, threshold = self._judge.score(surprise), self._judge.threshold
        expected = None
        if residuals is not None:
            expected = values[oddest] - (residuals[oddest] - self._errors[oddest].level) * spreads[oddest]
        is_anomaly = score > threshold
        reason = self._explain(values, oddest, expected) if is_anomaly and expected is not None else ""
        return JointVerdict(oddest, Verdict(score, threshold, is_anomaly, reason, expected))

    def _explain(self, values: Sequence[float], oddest: int, expected: float) -> str:
        """Such as `temperature 31.2 does not go with humidity 40.1, which lets expect 21.3`."""
        shown = [f"{metric} {value:.6g}" for metric, value in zip(self.metrics, values, strict=True)]
        odd = shown.pop(oddest)
        let = "lets" if len(shown) == 1 else "let"
        return f"{odd} does not go with {', '.join(shown)}, which {let} expect {expected:.6g}"

    def state(self) -> bytes:
        """188 bytes of two metrics, 656 of eight: judge, run, usual errors, relation."""
        run = pack_doubles(self._run_errors)
        errors = [_SPREAD.pack(*error.numbers()) for error in self._errors]
        relation = pack_doubles(list(self._relation.numbers()))
        return b"".join([self._judge.state(), _RUN.pack(self._was_far, self._run), run, *errors, relation])

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state of so many metrics.
        """
        dimension = len(self.metrics)
        run_at = self._judge.size
        errors_at = run_at + _RUN.size + 8 * dimension
        relation_at = errors_at + _SPREAD.size * dimension
        if len(state) != relation_at + 8 * self._relation.size:
            raise ValueError(f"{len(state)} bytes are no state of {self.version} of {dimension} metrics")
        self._judge.restore(state[:run_at])
        self._was_far, self._run = _RUN.unpack_from(state, run_at)
        self._run_errors = unpack_doubles(state[run_at + _RUN.size : errors_at])
        for error, numbers in zip(self._errors, _SPREAD.iter_unpack(state[errors_at:relation_at]), strict=True):
            error.restore(*numbers)
        self._relation.restore(unpack_doubles(state[relation_at:]))


def _within(residual: float, error: MovingSpread) -> float:
    """The residual, or what is `FAR` off: a single wrong value makes no usual error."""
    if error.count < WARM_UP:
        return residual
    most = FAR * max(error.spread, FINEST)
    return min(max(residual, error.level - most), error.level + most)


def _is_usable(values: Sequence[float]) -> bool:
    return all(-LARGEST <= value <= LARGEST for value in values)
