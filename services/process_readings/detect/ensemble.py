"""Several looks at one series, and how improbable the oddest of them is."""

from collections.abc import Sequence
from struct import Struct

from process_readings.detect.detector import Verdict
from process_readings.detect.judge import NOTHING, THRESHOLD, Judge
from process_readings.detect.members.by_name import AS_SENT, USUAL_MEMBERS, make_members
from process_readings.detect.members.member import Member
from process_readings.detect.members.weekly_rhythm import STATE_BYTES, WeeklyRhythm
from process_readings.detect.robust_level import LARGEST

_SIZE = Struct("<H")


class Ensemble:
    """Each member gives a distance in spreads; a `Judge` says how odd the oddest is, and what is one event.

    Args:
        threshold: score above which a reading is an anomaly.
        members: those of `USUAL_MEMBERS` by default; the first says what value is expected of a usual reading.
        rhythm: of the series' weeks, which is taken from the values that members see; where members are given, none by
            default.
    """

    family = "ensemble"
    version = "ensemble/3"

    def __init__(
        self,
        threshold: float = THRESHOLD,
        members: Sequence[Member] | None = None,
        rhythm: WeeklyRhythm | None = None,
    ) -> None:
        if members is None:
            members, rhythm = make_members(USUAL_MEMBERS)
        self._members = members
        self._as_sent = {place for place, member in enumerate(members) if isinstance(member, AS_SENT)}
        self._judge = Judge(len(members), threshold)
        self._rhythm = rhythm

    def score_one(self, value: float, time_us: int) -> Verdict | None:
        """Judges a reading; None in the first 150 readings or where it is not finite."""
        if not -LARGEST <= value <= LARGEST or not self._judge.is_warm:
            return None
        usual = self._usual(value, time_us)
        surprise, oddest = self._judge.surprise(self._distances(value, usual, time_us))
        return self._verdict(value, usual, time_us, surprise, oddest)

    def learn_one(self, value: float, time_us: int) -> None:
        """Takes a finite value into every member and its tail."""
        self.observe(value, time_us)

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """`score_one`, then `learn_one`, with one look."""
        if not -LARGEST <= value <= LARGEST:
            return None
        judge = self._judge
        usual = self._usual(value, time_us)
        distances = self._distances(value, usual, time_us)
        verdict, surprise = None, NOTHING
        if judge.is_warm:
            surprise, oddest = judge.surprise(distances)
            verdict = self._verdict(value, usual, time_us, surprise, oddest)
        is_alarm = surprise > judge.threshold
        self._learn(value, usual, time_us, is_alarm)
        judge.learn(distances, surprise, verdict is not None and verdict.is_anomaly, time_us)
        return verdict

    def _usual(self, value: float, time_us: int) -> float:
        """The value as it would be on a usual day."""
        return value - self._rhythm.offset(time_us) if self._rhythm else value

    def _distances(self, value: float, usual: float, time_us: int) -> list[float]:
        if not self._as_sent:
            return [member.distance(usual, time_us) for member in self._members]
        return [member.distance(self._seen(place, value, usual), time_us) for place, member in enumerate(self._members)]

    def _learn(self, value: float, usual: float, time_us: int, is_alarm: bool) -> None:
        if self._as_sent:
            for place, member in enumerate(self._members):
                member.learn(self._seen(place, value, usual), time_us, is_alarm)
        else:
            for member in self._members:
                member.learn(usual, time_us, is_alarm)
        if self._rhythm:
            self._rhythm.learn(value, time_us)

    def _seen(self, place: int, value: float, usual: float) -> float:
        return value if place in self._as_sent else usual

    def _verdict(self, value: float, usual: float, time_us: int, surprise: float, oddest: int) -> Verdict:
        score, threshold = self._judge.score(surprise), self._judge.threshold
        is_anomaly = score > threshold
        place = oddest if is_anomaly else 0
        usual = self._seen(place, value, usual)
        expected = self._members[place].expected(usual, time_us)
        if expected is not None and usual != value and self._rhythm:
            expected += self._rhythm.offset(time_us)
        reason = self._explain(value, usual, time_us, place) if is_anomaly else ""
        return Verdict(score, threshold, is_anomaly, reason, expected)

    def _explain(self, value: float, usual: float, time_us: int, place: int) -> str:
        """The member's words after the value, such as `1.2 (21.2 without the weekly rhythm) is far from ...`."""
        shown = f"{value:.6g}" if usual == value else f"{value:.6g} ({usual:.6g} without the weekly rhythm)"
        return f"{shown} {self._members[place].explain(usual, time_us)}"

    def heed(self, steps: int) -> None:
        """Lets a reading be 1.6 times less probable with each step; the threshold stays at least half its own."""
        self._judge.heed(steps)

    def state(self) -> bytes:
        """1,779 bytes with the usual members, 1,998 at most: an event of the level's, and what was before an alarm."""
        parts = [self._judge.state(), self._rhythm.state() if self._rhythm else b""]
        for member in self._members:
            state = member.state()
            parts += _SIZE.pack(len(state)), state
        return b"".join(parts)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: it is no state of this version and these members.
        """
        rhythm_at = self._judge.size
        self._judge.restore(state[:rhythm_at])
        at = rhythm_at
        if self._rhythm:
            at += STATE_BYTES
            self._rhythm.restore(state[rhythm_at:at])
        for member in self._members:
            begin = at + _SIZE.size
            if len(state) < begin:
                raise ValueError(f"{len(state)} bytes are no state of {self.version}")
            (size,) = _SIZE.unpack_from(state, at)
            at = begin + size
            member.restore(state[begin:at])
        if at != len(state):
            raise ValueError(f"{len(state)} bytes are no state of {self.version}")
