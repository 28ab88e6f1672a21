"""When the next request may be sent: not too many a second, and not before a server wants it."""

from headrace.clock import Clock


class Pace:
    """Of one source, over all its runs."""

    def __init__(self, requests_per_second: float | None, clock: Clock) -> None:
        self._every_s = 1 / requests_per_second if requests_per_second else 0.0
        self._clock = clock
        self._next = 0.0

    def wait_s(self) -> float:
        """Seconds until then, or 0."""
        return max(0.0, self._next - self._clock.monotonic())

    def take(self) -> None:
        """A request is sent now."""
        self.hold(self._every_s)

    def hold(self, seconds: float) -> None:
        """None is sent for so long."""
        self._next = max(self._next, self._clock.monotonic() + seconds)
