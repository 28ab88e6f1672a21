"""What every detector is and what it says of a reading."""

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

    def heed(self, steps: int) -> None:
        """Moves the threshold so many steps from its own; positive means fewer alarms. It is no part of the state."""
        ...

    def state(self) -> bytes:
        """All that later verdicts depend on, as numbers in a fixed order, little-endian."""
        ...

    def restore(self, state: bytes) -> None:
        """Takes into a new detector of the same parameters what `state` gave; its verdicts are then equal to the bit.

        Raises:
            ValueError: it is not a state of this version.
        """
        ...
