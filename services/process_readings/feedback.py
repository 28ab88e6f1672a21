"""What operators say of a series' anomalies, and by how many steps that moves the threshold of its detector."""

from __future__ import annotations

from struct import Struct
from typing import Literal, NamedTuple

from headrace.records import FeedbackVerdict

LEAST, MOST = -2, 8
"""Steps. More sensitive by two only: what a lower threshold would find is not what anybody complains of."""
REMEMBERED = 32
"""Anomalies of a series of which it is known what was said; who judges them judges new ones."""
ID_BYTES = 16

Fate = Literal["moved", "at_bound", "repeated", "unknown", "other_detector"]
"""What became of feedback: it moved the threshold; it would have moved it beyond its bound; the same was said of the
anomaly before; its device or metric is not followed; the series has no detector of that family."""

_STEP: dict[FeedbackVerdict, int] = {"true": -1, "false": 1, "expected": 1}
_HEAD = Struct("<bBH")
_SAID = Struct(f"<{ID_BYTES}sbb")


class _Said(NamedTuple):
    """What was said of an anomaly last: the step that it asked for, and that by which it moved the threshold."""

    step: int
    moved: int


class SeriesFeedback:
    """Each verdict asks for one step: fewer alarms after `false` and `expected`, more after `true`.

    An anomaly counts once. Another verdict takes back what the one before moved, so that a mistake leaves nothing. At
    a bound further verdicts move nothing and add up to nothing, so the first that asks for the way back is heeded.

    Attributes:
        family: of the detector that the verdicts are about.
        steps: by so many the threshold is moved, from `LEAST` to `MOST`; positive means fewer alarms.
        is_changed: there is something that `take_state` did not give yet.
    """

    __slots__ = ("_said", "family", "is_changed", "steps")

    def __init__(self, family: str) -> None:
        self.family = family
        self.steps = 0
        self.is_changed = False
        self._said: dict[bytes, _Said] = {}

    def hear(self, anomaly: bytes, verdict: FeedbackVerdict) -> Fate:
        """Takes what was said of an anomaly.

        Args:
            anomaly: the 16 bytes of its id.
        """
        step, before = _STEP[verdict], self._said.get(anomaly)
        if before is not None and before.step == step:
            return "repeated"
        without = _bounded(self.steps - before.moved) if before else self.steps
        after = _bounded(without + step)
        self._said[anomaly] = _Said(step, after - without)
        if len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]
        former, self.steps, self.is_changed = self.steps, after, True
        return "moved" if after != former else "at_bound"

    def take_state(self) -> bytes:
        """All of it, at most 620 bytes: little-endian numbers, in the order in which anomalies were first judged."""
        self.is_changed = False
        family = self.family.encode()
        said = [_SAID.pack(anomaly, *each) for anomaly, each in self._said.items()]
        return b"".join((_HEAD.pack(self.steps, len(family), len(said)), family, *said))


def restore_feedback(state: bytes) -> SeriesFeedback:
    """What gave a state.

    Raises:
        ValueError: it is none.
    """
    if len(state) < _HEAD.size:
        raise ValueError(f"{len(state)} bytes are no feedback")
    steps, family_size, count = _HEAD.unpack_from(state)
    end = _HEAD.size + family_size
    if len(state) != end + count * _SAID.size:
        raise ValueError(f"{len(state)} bytes are not the feedback on {count} anomalies")
    found = SeriesFeedback(state[_HEAD.size : end].decode())
    found.steps = steps
    found._said = {anomaly: _Said(step, moved) for anomaly, step, moved in _SAID.iter_unpack(state[end:])}
    return found


def _bounded(steps: int) -> int:
    return min(max(steps, LEAST), MOST)
