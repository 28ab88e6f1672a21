"""Metrics of process_interactions, read at each scrape from what the rules count anyway.

Labels are of bounded sets: kinds, fates, surfaces, sources and arms, never a subject or an item.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.errors import Reason
from headrace.interactions.records import Kind
from process_interactions.counts import AnswerFate, Fate, SubjectCounts

PREFIX = "headrace"
SERVICE = "process_interactions"
Values = Mapping[tuple[str, ...], float]
_SHOWN = ("surface", "source", "arm")


class SubjectMetrics(Collector):
    """What became of interactions and answers. Click-through and conversion are ratios of these, by arm or source."""

    def __init__(self, counts: SubjectCounts, registry: CollectorRegistry) -> None:
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        # From 0 on: of a series that begins above 0, increase() never sees the first step.
        found: dict[tuple[str, ...], float] = {
            (kind, fate): counts.interactions[kind, fate] for kind in get_args(Kind) for fate in get_args(Fate)
        }
        yield total("interactions", "Interactions, by kind and what became of them", found, "kind", "fate")
        yield total("answers", "Answers, by what became of them", _by(counts.answers, get_args(AnswerFate)), "fate")
        about = "Subjects that were found to be no people (set), or people again (cleared)"
        yield total("flagged_subjects", about, _by(counts.flags, ("set", "cleared")), "step")
        yield total("sessions", "Sessions that began", {(): counts.sessions})
        yield total("final_sessions", "Sessions that ended", {(): counts.final_sessions})
        yield total("exposures", "Items of answers whose window has closed", _copy(counts.exposures), *_SHOWN)
        yield total("seen_exposures", "Those of which an impression came", _copy(counts.seen), *_SHOWN)
        yield total("clicked_exposures", "Those that were clicked", _copy(counts.clicks), *_SHOWN)
        yield total("carted_exposures", "Those that were put into a cart", _copy(counts.carts), *_SHOWN)
        yield total("bought_exposures", "Those that were bought", _copy(counts.purchases), *_SHOWN)
        yield total("exposure_rewards", "Sums of what the best that followed was worth", _copy(counts.rewards), *_SHOWN)
        ends: Values = {("dropped",): counts.dropped_answers, ("early",): counts.early_answers}
        yield total("unusual_answer_ends", "Open answers that were dropped, or closed early", ends, "end")
        yield total("erased_subjects", "Subjects that were erased", {(): counts.erasures})
        yield total("forgotten_subjects", "Subjects that did nothing for long", {(): counts.forgotten})
        reasons = _by(counts.dead_letters, [reason.value for reason in Reason])
        yield total("dead_letters", "Records that became dead letters", reasons, "reason")


def total(name: str, about: str, values: Values, *labels: str) -> Metric:
    """A counter of this service."""
    return _filled(CounterMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels]), values)


def gauge(name: str, about: str, values: Values, *labels: str) -> Metric:
    """A gauge of this service."""
    return _filled(GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels]), values)


def _by(counts: Mapping[AnswerFate, int] | Mapping[str, int], names: Iterable[str]) -> Values:
    found = dict(counts.items())
    return {(name,): found.get(name, 0) for name in names}


def _copy(values: Mapping[tuple[str, str, str], float]) -> Values:
    # In one step: the rules may add a key while a scrape is under way.
    return dict(list(values.items()))


def _filled(family: CounterMetricFamily | GaugeMetricFamily, values: Values) -> Metric:
    for key, value in sorted(values.items()):
        family.add_metric([SERVICE, *key], value)
    return family
