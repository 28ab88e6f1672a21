"""The plan of a replay: which records, asked for how, and how far the replay's life has come."""

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from headrace.errors import ConfigurationError
from headrace.replay.moments import show_us

Range = tuple[int, int]
"""Offsets: the first, and the one after the last."""
Ranges = dict[str, list[Range]]
"""Topic → range of each partition."""
Phase = Literal["replaying", "replayed", "switching", "switched"]


class Plan(msgspec.Struct, frozen=True):
    """One replay.

    Attributes:
        name: end of the names of all that it writes.
        topic: the input that it was asked for.
        since, until: as asked, in one spelling (`parse_moment`), so that `now` stays `now`.
        since_us, until_us: what they were when the replay began, microseconds UTC of append time.
        ranges: of all inputs; fixed when the replay began, and moved on by the switch.
        topic_ids: of the inputs: offsets mean nothing in a topic that was deleted and made again.
        changed_us: when the phase began.
    """

    name: str
    topic: str
    since: str
    until: str
    since_us: int
    until_us: int
    ranges: Ranges
    topic_ids: dict[str, str]
    phase: Phase
    changed_us: int

    def in_phase(self, phase: Phase, now_us: int) -> "Plan":
        """The plan in another phase, since now."""
        return msgspec.structs.replace(self, phase=phase, changed_us=now_us)

    def done_to(self, positions: Mapping[tuple[str, int], int], until_us: int) -> "Plan":
        """The plan whose ranges end at the next offset of each (topic, partition), as they are at `until_us`."""
        ranges = {
            topic: [(start, positions[topic, number]) for number, (start, _) in enumerate(each)]
            for topic, each in self.ranges.items()
        }
        return msgspec.structs.replace(self, ranges=ranges, until_us=until_us)

    def describe(self) -> str:
        """The range for people."""
        since = self.since if self.since == "start" else show_us(self.since_us)
        return f"{self.topic} from {since} to {show_us(self.until_us)}"

    def check_is_asked(self, topic: str, since: str, until: str) -> None:
        """Raises ConfigurationError unless this is what is asked for and may still be run."""
        if (self.topic, self.since, self.until) != (topic, since, until):
            raise ConfigurationError(
                f"replay {self.name} is of {self.topic} --from {self.since} --to {self.until}, not of {topic} "
                f"--from {since} --to {until}: give the same to go on with it, or another --into; "
                f"`headrace replay drop {self.name}` deletes it"
            )
        if self.phase in ("switching", "switched"):
            raise ConfigurationError(
                f"replay {self.name} is {self.phase} since {show_us(self.changed_us)} and can't be run again: "
                "give another --into"
            )

    def check_inputs(self, topics: Collection[str]) -> None:
        """Raises ConfigurationError where the service reads other topics now than when the replay began."""
        if self.ranges.keys() != set(topics):
            raise ConfigurationError(
                f"replay {self.name} is of {', '.join(sorted(self.ranges))}, and this version of the service reads "
                f"{', '.join(sorted(topics))}: go on with the version that began it, or drop it with "
                f"`headrace replay drop {self.name}` and begin anew"
            )


def offsets_in(ranges: Ranges) -> int:
    """Offsets in all ranges: records, and what lies between them in compacted and transactional topics."""
    return sum(end - start for each in ranges.values() for start, end in each)
