"""Metrics of learning, read at each scrape from what the rules count anyway.

Labels are of bounded sets: reasons, sites and sources of candidates, never an item or a subject.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.interactions.records import Arm
from process_interactions.learning.counts import LearningCounts, SiteFigures

PREFIX = "headrace_learning"
SERVICE = "process_interactions"
_Values = Mapping[tuple[str, ...], float]
_Figures = dict[tuple[str, ...], float]


class LearningMetrics(Collector):
    """What was learned and published, and what exploration costs."""

    def __init__(self, counts: LearningCounts, registry: CollectorRegistry) -> None:
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        yield from self._totals()
        yield from self._gauges()
        yield from self._of_sites()

    def _totals(self) -> Iterator[Metric]:
        counts = self._counts
        lessons: _Figures = {("interaction",): counts.lessons, ("forget",): counts.forgotten}
        yield _total("lessons", "Lessons learned, by kind", lessons, "kind")
        yield _total("exposures", "Exposures learned", {(): counts.exposures})
        yield _total("relearned", "Entries of the journal learned again after a start", {(): counts.relearned})
        yield _total("restore_seconds", "Seconds of reading snapshot and journal", {(): counts.restore_seconds})
        yield _total("publications", "Versions of the model", {(): counts.publications})
        yield _total("published_rows", "Rows of items in versions of the model", {(): counts.published_rows})
        yield _total("snapshots", "Snapshots of the model", {(): counts.snapshots})
        yield _total("snapshot_seconds", "Seconds of taking snapshots", {(): counts.snapshot_seconds})
        yield _total("snapshot_bytes", "Bytes of cells in snapshots", {(): counts.snapshot_bytes})
        reasons: _Figures = {(reason,): count for reason, count in list(counts.dead_letters.items())}
        yield _total("dead_letters", "Records that can't be learned, by reason", reasons, "reason")

    def _gauges(self) -> Iterator[Metric]:
        counts = self._counts
        yield _gauge("waiting_rows", "Rows that changed and are in no version yet", {(): counts.waiting_rows})
        about = "Seconds of append time from the oldest record that is in no version to the newest learned"
        yield _gauge("publish_lag_seconds", about, {(): counts.lag_s})
        yield _gauge("journal_entries", "Entries of the journal since the snapshot", {(): counts.journal_entries})
        yield _gauge("journal_bytes", "Bytes of the journal since the snapshot", {(): counts.journal_bytes})

    def _of_sites(self) -> Iterator[Metric]:
        yield self._of_each("model_version", "Version last published", lambda one: one.version)
        yield self._of_each("model_learned", "Lessons and exposures in that version", lambda one: one.learned)
        about = "Reward of a place that the ranker kept, less that of an explored one"
        yield self._of_each("exploration_cost", about, lambda one: one.cost)
        yield self._of_each("explored_places", "Places that exploration took", lambda one: one.explored)
        yield self._of_arms("successes", lambda arm: arm.successes)
        yield self._of_arms("failures", lambda arm: arm.failures)

    def _of_each(self, name: str, about: str, of: Callable[[SiteFigures], float]) -> Metric:
        values: _Figures = {(site,): of(one) for site, one in list(self._counts.sites.items())}
        return _gauge(name, about, values, "site")

    def _of_arms(self, what: str, of: Callable[[Arm], float]) -> Metric:
        sites = list(self._counts.sites.items())
        values: _Figures = {(site, arm.source): of(arm) for site, one in sites for arm in one.arms}
        return _gauge(f"arm_{what}", f"What exploration counts as {what} of a source", values, "site", "source")


def _total(name: str, about: str, values: _Values, *labels: str) -> Metric:
    return _fill(CounterMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels]), values)


def _gauge(name: str, about: str, values: _Values, *labels: str) -> Metric:
    return _fill(GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels]), values)


def _fill(family: CounterMetricFamily | GaugeMetricFamily, values: _Values) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric([SERVICE, *labels], value)
    return family
