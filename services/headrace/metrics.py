"""Prometheus metrics: one registry per process, names `headrace_<what>_<unit>_total`, labels from bounded sets only."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds from a device's time to the store: from one flush to a broker that was away for minutes."""


def new_registry() -> CollectorRegistry:
    """A registry with the process's own memory, CPU and collector figures."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
