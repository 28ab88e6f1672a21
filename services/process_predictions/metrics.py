"""Metrics of process_predictions, read at each scrape from what the rules count anyway.

Labels are of bounded sets: models, variants, roles, reasons and bins, never a device.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.errors import Reason
from headrace.models.deployments import Deployments
from headrace.models.loaded_version import LoadedVersion
from headrace.models.records import Role
from headrace.models.swap import Fate
from process_predictions.counts import OnlineCounts, Quality, ScoringCounts

PREFIX = "headrace"
SERVICE = "process_predictions"
_Values = Mapping[tuple[str, ...], float]


class OnlineMetrics(Collector):
    """How good the online models are: `base` is what a forecast without a model would have cost."""

    def __init__(self, counts: OnlineCounts, registry: CollectorRegistry) -> None:
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        fates = _keyed(
            {"taken": counts.windows, "passed_over": counts.passed_over, "out_of_range": counts.out_of_range}
        )
        yield _total("final_windows", "Final windows, by what became of them", fates, "fate")
        yield _total("closed_periods", "Periods closed, over all series", {(): counts.periods})
        yield self._sum("outcomes", "Predictions whose outcome is known", lambda quality: quality.outcomes)
        yield self._sum("loss", "Absolute errors in usual changes, or log losses", lambda quality: quality.first)
        yield self._sum("base_loss", "The same without a model", lambda quality: quality.base_first)
        yield self._sum("squared_loss", "Squared errors, or Brier scores", lambda quality: quality.squared)
        yield self._sum("base_squared_loss", "The same without a model", lambda quality: quality.base_squared)
        yield self._mean(
            "recent_loss", "Mean loss of about the last 1,000 outcomes", lambda quality: quality.late_first
        )
        yield self._mean("recent_base_loss", "The same without a model", lambda quality: quality.late_base)
        yield self._bins("predicted_share", "Sums of probabilities, by bin", lambda quality: quality.predicted)
        yield self._bins("observed_share", "What came of these", lambda quality: quality.came)

    def _sum(self, name: str, about: str, of: Callable[[Quality], float]) -> Metric:
        return _total(f"online_{name}", about, self._values(of), "model", "variant")

    def _mean(self, name: str, about: str, of: Callable[[Quality], float]) -> Metric:
        return _gauge(f"online_{name}", about, self._values(of), "model", "variant")

    def _bins(self, name: str, about: str, of: Callable[[Quality], Mapping[float, float]]) -> Metric:
        values: _Values = {
            (*key, f"{end:g}"): value
            for key, quality in list(self._counts.quality.items())
            if quality.is_of_probabilities
            for end, value in of(quality).items()
        }
        return _total(f"online_{name}", about, values, "model", "variant", "le")

    def _values(self, of: Callable[[Quality], float]) -> _Values:
        return {key: of(quality) for key, quality in list(self._counts.quality.items())}


class ScoringMetrics(Collector):
    """What was scored of topics, and which versions do it.

    Args:
        deployments: what runs of each model.
        scored: models that score a topic; their champions' rows are told from 0 on.
        are_known: online model → whether its file has the version that is promoted.
    """

    def __init__(
        self,
        deployments: Deployments[LoadedVersion],
        counts: ScoringCounts,
        registry: CollectorRegistry,
        scored: Iterable[str] = (),
        are_known: Callable[[], Mapping[str, bool]] = dict,
    ) -> None:
        self._none_yet: _Values = {(model, "champion"): 0.0 for model in scored}
        self._are_known = are_known
        self._deployments = deployments
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        rows: _Values = {**self._none_yet, **dict(list(counts.rows.items()))}
        yield _total("scored_rows", "Rows scored, by model and role", rows, "model", "role")
        deployments = self._deployments.all()
        names = [deployment.promotion.name for deployment in deployments]
        # From 0 on: of a series that begins above 0, increase() never sees the first step.
        loads: dict[tuple[str, ...], float] = {(name, fate): 0 for name in names for fate in get_args(Fate)}
        loads.update(list(counts.loads.items()))
        yield _total("model_loads", "Loads of promoted versions, by what became of them", loads, "model", "outcome")
        versions: _Values = {
            (deployment.promotion.name, role): version.number
            for deployment in deployments
            for role, version in deployment.versions.items()
        }
        yield _gauge("scoring_version", "The version that scores", versions, "model", "role")
        not_loaded: dict[tuple[str, ...], float] = {
            (name, "champion"): not is_known for name, is_known in self._are_known().items()
        }
        not_loaded |= {
            (deployment.promotion.name, role): role in deployment.problems
            for deployment in deployments
            for role in get_args(Role)
        }
        about = "1 where the promoted version could not be loaded and an older one, or none, runs"
        yield _gauge("model_not_loaded", about, not_loaded, "model", "role")


class PromotionMetrics(Collector):
    """Promotions that this version can't read.

    Args:
        undecodable: how many models have such a one as their newest.
    """

    def __init__(self, undecodable: Callable[[], int], registry: CollectorRegistry) -> None:
        self._undecodable = undecodable
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        about = "Models whose newest promotion this version can't read, so that what stood before it goes on"
        yield _gauge("promotions_undecodable", about, {(): self._undecodable()})


class DeadLetterMetrics(Collector):
    """Windows and rows that became dead letters, from 0 on for every reason.

    Args:
        counts: reason → count, of the online models and of what is scored.
    """

    def __init__(self, counts: Sequence[Mapping[str, int]], registry: CollectorRegistry) -> None:
        self._counts = tuple(counts)
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        found = {reason.value: sum(each.get(reason.value, 0) for each in self._counts) for reason in Reason}
        yield _total("dead_letters", "Windows and rows that became dead letters", _keyed(found), "reason")


def _keyed(values: Mapping[str, int]) -> _Values:
    # A copy in one step: the rules may add a key while a scrape is under way.
    return {(key,): value for key, value in list(values.items())}


def _total(name: str, about: str, values: _Values, *labels: str) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels])
    return _filled(family, values)


def _gauge(name: str, about: str, values: _Values, *labels: str) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=["service", *labels])
    return _filled(family, values)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, values: _Values) -> Metric:
    for key, value in sorted(values.items()):
        family.add_metric([SERVICE, *key], value)
    return family
