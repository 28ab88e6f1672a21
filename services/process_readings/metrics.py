"""Metrics of process_readings, read at each scrape from what the rules count anyway."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.errors import Reason
from headrace.records import FeedbackVerdict
from process_readings.counts import Counts
from process_readings.feedback import Fate

PREFIX = "headrace"
SERVICE = "process_readings"


class RuleMetrics(Collector):
    """Exports what the rules decided; labels are from bounded sets, never a device."""

    def __init__(self, counts: Counts, registry: CollectorRegistry) -> None:
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        yield _total("readings", "Decoded readings, by what became of them", _keyed(_fates(counts)), "fate")
        yield _total("windows", "Windows emitted", _keyed(_windows(counts)), "emission")
        yield _total("anomalies", "Anomalies found, by detector", _keyed(counts.anomalies), "detector")
        yield _total("dead_letters", "Records sent to the dead letters", _keyed(_reasons(counts)), "reason")
        about = "What operators said of anomalies, by what became of it"
        yield _total("anomaly_feedback", about, _feedback(counts), "verdict", "fate")
        yield _total("flags", "Flags set on readings", _keyed(counts.flags), "flag")


def _fates(counts: Counts) -> dict[str, int]:
    return {
        "clean": counts.clean,
        "late": counts.late,
        "repeat": counts.repeats,
        "retained": counts.retained,
        "untracked": counts.untracked,
    }


def _reasons(counts: Counts) -> dict[str, int]:
    # From 0 on: of a series that begins above 0, rate() never sees the first step.
    return {**dict.fromkeys(Reason, 0), **dict(list(counts.dead_letters.items()))}


def _feedback(counts: Counts) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = dict.fromkeys(product(get_args(FeedbackVerdict), get_args(Fate)), 0)
    found.update(list(counts.feedback.items()))
    return found


def _windows(counts: Counts) -> dict[str, int]:
    return {"first": counts.windows, "revision": counts.revisions, "final": counts.finals}


def _keyed(values: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    # A copy in one step: the rules may add a key while a scrape is under way.
    return {(key,): value for key, value in list(values.items())}


def _total(name: str, about: str, values: Mapping[tuple[str, ...], int], *labels: str) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels])
    for key, value in sorted(values.items()):
        family.add_metric([SERVICE, *key], value)
    return family
