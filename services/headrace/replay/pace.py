"""A bound on how many records a second pass, shared by the threads of a replay."""

import threading

from headrace.clock import Clock, SystemClock


class Pace:
    """Holds its callers back.

    Args:
        per_second: records a second of all callers together; None is no bound.
    """

    def __init__(self, per_second: float | None, clock: Clock | None = None) -> None:
        self._per_second = per_second
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._free_at = self._clock.monotonic()

    def batch_records(self, most: int) -> int:
        """Records that a batch may have, so that the bound holds within a tenth of a second."""
        return most if self._per_second is None else max(1, min(most, int(self._per_second / 10)))

    def wait_s(self, records: int) -> float:
        """Seconds that a caller must wait after so many records."""
        if self._per_second is None:
            return 0.0
        with self._lock:
            now = self._clock.monotonic()
            self._free_at = max(self._free_at, now) + records / self._per_second
            return self._free_at - now
