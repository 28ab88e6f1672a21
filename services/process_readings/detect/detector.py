"""What every detector is and what it says of a reading."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Verdict(NamedTuple):
    """How surprising one reading is; `reason` is empty unless it is an anomaly.

    `score` is finite, grows without a ceiling and is an anomaly above `threshold`; its unit is the detector's own.
    `expected` is the value that the detector would have found least surprising, where it has one.
    """

    score: float
    threshold: float
    is_anomaly: bool
    reason: str
    expected: float | None


class Detector(Protocol):
    """A model of one series. Readings come in arrival order; equal readings give equal verdicts, to the bit.

    `family` names the method and enters an anomaly's identity; `version` changes with every change of the scores.
    """

    family: str
    version: str

    def score_one(self, value: float, time_us: int) -> Verdict | None:
        """Judges a reading and changes nothing; None while the detector is warming up or the value is not finite."""
        ...

    def learn_one(self, value: float, time_us: int) -> None:
        """Takes a reading into the model; a value that is not finite is ignored."""
        ...

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """`score_one`, then `learn_one`, at the price of one."""
        ...


class Restorable(Protocol):
    """A detector whose whole state is a few numbers."""

    def state(self) -> tuple[float, ...]:
        """The state as numbers of fixed count and order."""
        ...

    def restore(self, state: Sequence[float]) -> None:
        """Takes a state that `state` gave; the scores after it are equal to the bit.

        Raises:
            ValueError: it is not a state of this version.
        """
        ...
