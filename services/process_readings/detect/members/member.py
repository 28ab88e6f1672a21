"""What a member of the ensemble is."""

from typing import Protocol


class Member(Protocol):
    """A model of one aspect of a series, which says how far a reading is from it. Values are within `LARGEST`."""

    def distance(self, value: float, time_us: int) -> float:
        """How far the reading is, in spreads, 0 at least; 0 too while the member doesn't know what is usual."""
        ...

    def expected(self, value: float, time_us: int) -> float | None:
        """The value that would have had the least distance, where there is one."""
        ...

    def explain(self, value: float, time_us: int) -> str:
        """In words what is odd about the reading, to be read after its value."""
        ...

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes the reading in.

        Args:
            is_alarm: the ensemble finds it anomalous.
        """
        ...

    def state(self) -> bytes:
        """All that later distances depend on, little-endian."""
        ...

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: it is no state of such a member.
        """
        ...


def how_far(value: float, level: float, distance: float) -> str:
    """Such as `12.5 spreads above 21.3`."""
    return f"{min(distance, 1e300):.3g} spreads {'above' if value > level else 'below'} {level:.6g}"
