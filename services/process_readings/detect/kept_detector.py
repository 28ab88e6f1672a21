"""A detector in the changelog: a snapshot of its state now and then, and the readings since."""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from process_readings.detect.detector import Detector, Verdict

FORMAT = "kept/1"
"""Of what is kept; contents of another one don't fit."""
READINGS = 16
"""Readings from one snapshot to the next. A checkpoint after each reading writes on average 7.5 readings of 16 bytes,
a number of 4 and a sixteenth of a snapshot: 252 bytes for a state of 2 kB, for which 16 is best; 235 for the usual
ensemble's."""
_READING = Struct("<dq")
_NUMBER = Struct("<I")


class Kept(NamedTuple):
    """How a detector is kept.

    Attributes:
        recent: what is written with each change. Of a `KeptDetector`: number of the snapshot, 0 for none, and the
            readings since.
        snapshot: the same number and the detector's state; None where that one was given before or there is none.
    """

    recent: bytes
    snapshot: bytes | None = None


class KeptDetector:
    """Writes little with each reading, whatever the size of the state: detectors give equal states for equal readings,
    so those since the last snapshot say all that changed. Snapshots come after each 16th reading, wherever checkpoints
    are cut.
    """

    __slots__ = ("_log", "_number", "_snapshot", "detector")

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self._log: list[tuple[float, int]] = []
        self._number = 0
        self._snapshot: bytes | None = None

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """The detector's verdict; the reading is learned and noted."""
        verdict = self.detector.observe(value, time_us)
        self._log.append((value, time_us))
        if len(self._log) == READINGS:
            self.settle()
        return verdict

    def settle(self) -> None:
        """Makes a snapshot now: whatever else changes the detector must be in one."""
        self._number += 1
        self._snapshot = self.detector.state()
        self._log.clear()

    def heed(self, steps: int) -> None:
        """Moves the detector's threshold; the readings noted so far were judged by the one before."""
        self.detector.heed(steps)
        self.settle()

    @property
    def has_snapshot(self) -> bool:
        """Whether there is one, given before or not."""
        return self._number > 0

    def take(self) -> Kept:
        """What is to be kept, with the snapshot if it is newer than the last call."""
        number = _NUMBER.pack(self._number)
        recent = number + b"".join([_READING.pack(*reading) for reading in self._log])
        snapshot, self._snapshot = self._snapshot, None
        return Kept(recent, None if snapshot is None else number + snapshot)


def restore(make: Callable[[], Detector], kept: Kept) -> KeptDetector:
    """A detector that goes on as the one that was kept would have, to the bit.

    Args:
        make: makes one of the same parameters and threshold.

    Raises:
        ValueError: log and snapshot are damaged, or don't belong together.
    """
    found = KeptDetector(make())
    number, snapshot = kept.recent[: _NUMBER.size], kept.snapshot
    if len(number) < _NUMBER.size or (len(kept.recent) - _NUMBER.size) % _READING.size:
        raise ValueError(f"{len(kept.recent)} bytes are no log of a detector")
    (found._number,) = _NUMBER.unpack(number)
    if found.has_snapshot != (snapshot is not None) or (snapshot or number)[: _NUMBER.size] != number:
        raise ValueError(f"the log of a detector goes on from snapshot {found._number}, which is not the one kept")
    if snapshot is not None:
        found.detector.restore(snapshot[_NUMBER.size :])
    for value, time_us in _READING.iter_unpack(kept.recent[_NUMBER.size :]):
        found.detector.learn_one(value, time_us)
        found._log.append((value, time_us))
    return found
