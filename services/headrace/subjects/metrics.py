"""What `/metrics` shows of subjects: for how long the keys of erased people could still be opened."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from headrace.clock import MICROSECONDS, Clock, SystemClock
from headrace.errors import TransientError
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import SubjectKeys
from headrace.subjects.scheduled_rotation import oldest_readable


class SubjectMetrics(Collector):
    """Nothing is shown while the erasures or the keys can't be read."""

    def __init__(
        self,
        registry: CollectorRegistry,
        service: str,
        keys: SubjectKeys,
        erased: ErasedSubjects,
        clock: Clock | None = None,
    ) -> None:
        self._service = service
        self._keys = keys
        self._erased = erased
        self._clock = clock or SystemClock()
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by the registry."""
        family = GaugeMetricFamily(
            "headrace_oldest_readable_erasure_seconds",
            "Since the first erasure whose key, where a disk still has it, a master key would open; 0 for none",
            labels=("service",),
        )
        age = self._age()
        if age is not None:
            family.add_metric((self._service,), age)
        yield family

    def _age(self) -> float | None:
        if not self._erased.is_read:
            return None
        try:
            oldest = oldest_readable(self._keys.secrets(), self._erased)
        except TransientError:
            return None
        return 0.0 if oldest is None else max(0.0, (self._clock.now_us() - oldest) / MICROSECONDS)
