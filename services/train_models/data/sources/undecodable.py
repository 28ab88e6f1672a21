"""What of a topic did not become rows, counted and named; too much of it ends the reading."""

from collections.abc import Iterable, Sequence

from confluent_kafka import Message

from headrace.errors import ConfigurationError
from headrace.kafka import offset_of
from train_models.data.snapshots import About, Undecodable

MAX_SHARE = 0.01
_NAMED = 20
_EARLY = 20_000
"""Records after which a topic of something else is given up."""


class Counted:
    """Keeps the counts of one topic in a snapshot's `About`."""

    def __init__(self, topic: str, about: About) -> None:
        self._topic = topic
        self._about = about
        self._good = self._broken = 0

    def good(self, count: int) -> None:
        self._good += count
        if self._good + self._broken >= _EARLY:
            self.check()

    def deleted(self) -> None:
        """A tombstone, or a row that went where it came from."""
        self._about.left_out["deletions"] = self._about.left_out.get("deletions", 0) + 1

    def erased(self, count: int) -> None:
        """Records of erased subjects."""
        if count:
            why = "records of erased subjects"
            self._about.left_out[why] = self._about.left_out.get(why, 0) + count

    def broken(self, messages: Sequence[Message], places: Iterable[int], reasons: Sequence[str]) -> None:
        """Those at some places of a list, and why each."""
        for place, reason in zip(places, reasons, strict=True):
            self._broken += 1
            known, message = self._about.undecodable, messages[place]
            first = known.first
            if len(first) < _NAMED:
                first = (*first, f"{self._topic}-{message.partition()}/{offset_of(message)}: {reason}")
            self._about.undecodable = Undecodable(known.count + 1, first)

    def check(self) -> None:
        """Whether few enough are broken.

        Raises:
            ConfigurationError: more than one in a hundred.
        """
        if self._broken > MAX_SHARE * (self._good + self._broken):
            named = "; ".join(self._about.undecodable.first[-3:])
            raise ConfigurationError(
                f"{self._broken} of {self._good + self._broken} records of {self._topic} can't be decoded, and at most "
                f"{MAX_SHARE:.0%} may be: {named}; give a range without them (from_offsets, since)"
            )
