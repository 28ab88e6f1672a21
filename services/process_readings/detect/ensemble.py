"""Several looks at one series, and how improbable the oddest of them is."""

from collections.abc import Sequence
from struct import Struct

from process_readings.detect.detector import Verdict
from process_readings.detect.judge import NOTHING, THRESHOLD, Judge
from process_readings.detect.members.by_name import USUAL_MEMBERS, make_members
from process_readings.detect.members.member import Member
from process_readings.detect.robust_level import LARGEST

_SIZE = Struct("<H")


class Ensemble:
    """Each member gives a distance in spreads; a `Judge` says how odd the oddest is, and what is one event.

    Args:
        threshold: score above which a reading is an anomaly.
        members: those of `USUAL_MEMBERS` by default; the first says what value is expected of a usual reading.
    """

    family = "ensemble"
    version = "ensemble/2"

    def __init__(self, threshold: float = THRESHOLD, members: Sequence[Member] | None = None) -> None:
        self._members = make_members(USUAL_MEMBERS) if members is None else members
        self._judge = Judge(len(self._members), threshold)

    def score_one(self, value: float, time_us: int) -> Verdict | None:
        """Judges a reading; None in the first 150 readings or where it is not finite."""
        if not -LARGEST <= value <= LARGEST or not self._judge.is_warm:
            return None
        distances = [member.distance(value, time_us) for member in self._members]
        return self._verdict(value, time_us, *self._judge.surprise(distances))

    def learn_one(self, value: float, time_us: int) -> None:
        """Takes a finite value into every member and its tail."""
        self.observe(value, time_us)

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """`score_one`, then `learn_one`, with one look."""
        if not -LARGEST <= value <= LARGEST:
            return None
        judge = self._judge
        distances = [member.distance(value, time_us) for member in self._members]
        verdict, surprise = None, NOTHING
        if judge.is_warm:
            surprise, oddest = judge.surprise(distances)
            verdict = self._verdict(value, time_us, surprise, oddest)
        is_alarm = surprise > judge.threshold
        for member in self._members:
            member.learn(value, time_us, is_alarm)
        judge.learn(distances, surprise, verdict is not None and verdict.is_anomaly, time_us)
        return verdict

    def _verdict(self, value: float, time_us: int, surprise: float, oddest: int) -> Verdict:
        score, threshold = self._judge.score(surprise), self._judge.threshold
        if score <= threshold:
            return Verdict(score, threshold, False, "", self._members[0].expected(value, time_us))
        found = self._members[oddest]
        return Verdict(score, threshold, True, found.explain(value, time_us), found.expected(value, time_us))

    def heed(self, steps: int) -> None:
        """Lets a reading be 1.6 times less probable with each step; the threshold stays at least half its own."""
        self._judge.heed(steps)

    def state(self) -> bytes:
        """1,426 bytes with the usual members, 1,645 at most: an event of the level's, and what was before an alarm."""
        parts = [self._judge.state()]
        for member in self._members:
            state = member.state()
            parts += _SIZE.pack(len(state)), state
        return b"".join(parts)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: it is no state of this version and these members.
        """
        at = self._judge.size
        self._judge.restore(state[:at])
        for member in self._members:
            begin = at + _SIZE.size
            if len(state) < begin:
                raise ValueError(f"{len(state)} bytes are no state of {self.version}")
            (size,) = _SIZE.unpack_from(state, at)
            at = begin + size
            member.restore(state[begin:at])
        if at != len(state):
            raise ValueError(f"{len(state)} bytes are no state of {self.version}")
