"""The member of the ensemble that compares how the last readings are distributed with how they usually are."""

from struct import Struct

from process_readings.detect.members.shares import STATE_BYTES, WINDOW, Shares

_HEAD = Struct("<?d")


class Distribution:
    """Distance of the last readings' distribution, and of their steps', from the usual one.

    Steps show a change of noise or of shape where the level moves by itself, such as by day; values show it where the
    level rests.

    Two windows compared by bins: D. Kifer, S. Ben-David, J. Gehrke, "Detecting Change in Data Streams" (2004); the
    population stability index is chi squared in the first order: B. Yurdakul, "Statistical Properties of Population
    Stability Index" (2018).
    """

    def __init__(self) -> None:
        self._has_last = False
        self._last = 0.0
        self._values = Shares()
        self._steps = Shares()

    def _distances(self, value: float) -> tuple[float, float]:
        """Of the values and of the steps."""
        steps = self._steps.distance(value - self._last) if self._has_last else 0.0
        return self._values.distance(value), steps

    def distance(self, value: float, time_us: int) -> float:
        """The greater of both, in spreads."""
        return max(self._distances(value))

    def expected(self, value: float, time_us: int) -> float | None:
        """None: no single value would make the difference."""
        return None

    def explain(self, value: float, time_us: int) -> str:
        """Such as `is one of about 36 readings of which 60 % are below 19.9, where usually 13 % are`."""
        values, steps = self._distances(value)
        if values >= steps:
            return f"is one of about {WINDOW} readings of which {self._values.oddest(value)}"
        oddest = self._steps.oddest(value - self._last)
        return f"is one of about {WINDOW} readings whose changes are unusual: {oddest}"

    def learn(self, value: float, time_us: int, is_alarm: bool) -> None:
        """Takes a value in, and its step from the one before it."""
        self._values.learn(value)
        if self._has_last:
            self._steps.learn(value - self._last)
        self._has_last, self._last = True, value

    def state(self) -> bytes:
        """465 bytes."""
        return _HEAD.pack(self._has_last, self._last) + self._values.state() + self._steps.state()

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: its length is not that of a state.
        """
        if len(state) != _HEAD.size + 2 * STATE_BYTES:
            raise ValueError(f"{len(state)} bytes are no state of a distribution")
        self._has_last, self._last = _HEAD.unpack_from(state)
        self._values.restore(state[_HEAD.size : _HEAD.size + STATE_BYTES])
        self._steps.restore(state[_HEAD.size + STATE_BYTES :])
