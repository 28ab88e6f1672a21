"""What `/metrics` shows of experiments, made at each scrape. Labels are names in their files: bounded sets."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from headrace.experiments.results import MetricArm, Results

SERVICE = "serve_api"
_DECISIONS = ("invalid", "stop_for_guardrail", "ship", "stop_as_worse", "inconclusive", "running")
_VALUES: dict[str, tuple[str, Callable[[MetricArm], float | None]]] = {
    "people": ("People in the metric: whose window has closed", lambda arm: arm.people),
    "mean": ("Mean per person, adjusted by people's past", lambda arm: arm.mean),
    "difference": ("Mean less the control's", lambda arm: arm.difference),
    "difference_lower": ("Lower end of the difference's interval, which holds at every look", lambda arm: arm.lower),
    "difference_upper": ("Upper end of the difference's interval, which holds at every look", lambda arm: arm.upper),
    "lift_ratio": ("Difference as a share of the control's mean", lambda arm: arm.lift),
    "p_value": ("Always valid, corrected for the other comparisons", lambda arm: arm.adjusted_p),
}


class ExperimentMetrics(Collector):
    """Shows the results that `known` gives; nothing until `watch` was called."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._known: Callable[[], Sequence[Results]] = tuple
        registry.register(self)

    def watch(self, known: Callable[[], Sequence[Results]]) -> None:
        """From now on these are shown; asked at each scrape."""
        self._known = known

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by the registry."""
        found = self._known()
        for name, (about, value) in _VALUES.items():
            yield _gauge(
                name,
                about,
                ("experiment", "arm", "metric"),
                [
                    ((each.experiment, arm.arm, metric.metric), shown)
                    for each in found
                    for metric in each.metrics
                    for arm in metric.arms
                    if (shown := value(arm)) is not None
                ],
            )
        running = [((each.experiment,), float(each.state == "running")) for each in found]
        yield _gauge("running", "1 while its file says running", ("experiment",), running)
        guarded = [
            ((each.experiment, one.arm, one.metric), float(one.state == "harmed"))
            for each in found
            for one in each.guardrails
        ]
        about = "1 where an arm does harm beyond the margin"
        yield _gauge("guardrail_harmed", about, ("experiment", "arm", "metric"), guarded)
        enrolled = [((each.experiment, arm.arm), float(arm.enrolled)) for each in found for arm in each.arms]
        yield _gauge("enrolled", "People who were exposed", ("experiment", "arm"), enrolled)
        ratios = [((each.experiment,), each.sample_ratio.p) for each in found]
        yield _gauge("sample_ratio_p_value", "Of the arms' sizes being as planned", ("experiment",), ratios)
        decided = [
            ((each.experiment, name), float(each.decision.decided == name)) for each in found for name in _DECISIONS
        ]
        yield _gauge("decision", "1 at what the stop rule says", ("experiment", "decision"), decided)


def _gauge(
    name: str, about: str, labels: tuple[str, ...], values: Sequence[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"headrace_experiment_{name}", about, labels=("service", *labels))
    for named, value in values:
        family.add_metric((SERVICE, *named), value)
    return family
