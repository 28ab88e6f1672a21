"""Detectors kept as a snapshot and the readings since."""

from collections.abc import Callable
from random import Random

import pytest

from process_readings.detect.detector import Detector
from process_readings.detect.ensemble import Ensemble
from process_readings.detect.half_space_trees import HalfSpaceTrees
from process_readings.detect.kept_detector import READINGS, Kept, KeptDetector, restore
from process_readings.feedback import MOST

MINUTE = 60_000_000
MOST_BYTES = 256

MAKERS: dict[str, Callable[[], Detector]] = {
    "ensemble": Ensemble,
    "half_space_trees": lambda: HalfSpaceTrees(low=0.0, high=40.0),
}


def _readings(seed: int, count: int) -> list[tuple[float, int]]:
    random = Random(seed)
    return [(random.gauss(20.0, 1.0) + 9.0 * (random.random() < 0.01), at * MINUTE) for at in range(count)]


class Changelog:
    """What is in a changelog of a detector after each checkpoint."""

    def __init__(self, detector: KeptDetector) -> None:
        self.kept = Kept(b"")
        self.written = 0
        self.checkpoint(detector)

    def checkpoint(self, detector: KeptDetector) -> None:
        recent, snapshot = detector.take()
        self.written += len(recent) + len(snapshot or b"")
        self.kept = Kept(recent, snapshot if snapshot is not None else self.kept.snapshot)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_kept_detector_goes_on_to_the_bit(make: Callable[[], Detector], seed: int) -> None:
    random = Random(seed)
    never, often = KeptDetector(make()), KeptDetector(make())
    changelog = Changelog(often)
    for value, time_us in _readings(seed, 400):
        assert often.observe(value, time_us) == never.observe(value, time_us)
        if random.random() < 0.1:
            changelog.checkpoint(often)
            often = restore(make, changelog.kept)
    changelog.checkpoint(often)
    assert changelog.kept == never.take(), "what is kept does not depend on where checkpoints were cut"


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_checkpoint_after_each_reading_writes_few_bytes(make: Callable[[], Detector]) -> None:
    detector = KeptDetector(make())
    changelog = Changelog(detector)
    readings = _readings(0, 50 * READINGS)
    for value, time_us in readings:
        detector.observe(value, time_us)
        changelog.checkpoint(detector)
    assert changelog.written / len(readings) <= MOST_BYTES
    assert len(detector.detector.state()) > MOST_BYTES, "a state as small needs no snapshot"


def test_a_settled_detector_is_all_in_its_snapshot() -> None:
    detector = KeptDetector(Ensemble())
    for value, time_us in _readings(0, READINGS + 3):
        detector.observe(value, time_us)
    detector.settle()
    assert restore(Ensemble, detector.take()).detector.state() == detector.detector.state()


def test_readings_stay_judged_by_the_threshold_that_they_came_under() -> None:
    detector = KeptDetector(Ensemble())
    for value, time_us in _readings(0, 20 * READINGS + 1):
        detector.observe(value, time_us)
    at = 20 * READINGS + 1
    odd = next(step / 10 for step in range(200, 900) if _is_anomaly(detector.detector, step / 10, at * MINUTE))
    detector.observe(odd, at * MINUTE)
    detector.heed(MOST)
    again = restore(_insensitive, detector.take())
    assert again.detector.state() == detector.detector.state(), "the alarm is remembered, though it would be none now"


def _insensitive() -> Ensemble:
    detector = Ensemble()
    detector.heed(MOST)
    return detector


def _is_anomaly(detector: Detector, value: float, time_us: int) -> bool:
    verdict = detector.score_one(value, time_us)
    return verdict is not None and verdict.is_anomaly


@pytest.mark.parametrize("damage", [lambda k: Kept(k.recent), lambda k: Kept(k.recent[:-1], k.snapshot)])
def test_what_does_not_belong_together_is_refused(damage: Callable[[Kept], Kept]) -> None:
    detector = KeptDetector(Ensemble())
    for value, time_us in _readings(0, READINGS + 3):
        detector.observe(value, time_us)
    kept = detector.take()
    with pytest.raises(ValueError, match=r"snapshot|log"):
        restore(Ensemble, damage(kept))
    for value, time_us in _readings(1, READINGS):
        detector.observe(value, time_us)
    with pytest.raises(ValueError, match="snapshot 1"):
        restore(Ensemble, Kept(kept.recent, detector.take().snapshot))
