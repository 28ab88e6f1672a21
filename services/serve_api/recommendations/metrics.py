"""What `/metrics` shows of recommendations. Labels are surfaces of the policy, parts and stages: bounded sets."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from headrace.interactions.records import FEATURES, ITEM_MODELS, ITEMS, RECOMMENDERS, SESSIONS

SERVICE = "serve_api"
STAGES = ("subject", "candidates", "rank", "record", "whole")
PARTS = ("subjects", "features", "catalog", "sessions", "online", "batch", "experiments", "record")
"""What may be away."""
KINDS = ("personal", "cold", "impersonal")
_FOLLOWED = (FEATURES, SESSIONS, ITEMS, ITEM_MODELS, RECOMMENDERS)
_STAGE_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
_FRESHNESS_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 30.0, 300.0)


class RecommendationMetrics:
    """Counters of answers and of what is held in memory."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._answers = Counter(
            "headrace_recommendations_total",
            "Answers with recommendations; kind is personal, cold (nothing is known of the person), or impersonal "
            "(not asked for, no consent, or flagged as no person)",
            ("service", "surface", "kind"),
            registry=registry,
        )
        self._degraded = Counter(
            "headrace_recommendations_degraded_total",
            "Answers that had to do without a part",
            ("service", "part"),
            registry=registry,
        )
        stages = Histogram(
            "headrace_recommendation_stage_seconds",
            "How long the stages of an answer took; rank is all from the scores to the reasons",
            ("service", "stage"),
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self._freshness = Histogram(
            "headrace_recommendation_freshness_seconds",
            "From Kafka's append of an interaction until answers know of it, a sample of all",
            ("service",),
            buckets=_FRESHNESS_BUCKETS,
            registry=registry,
        ).labels(SERVICE)
        self._undecodable = Counter(
            "headrace_recommendation_records_refused_total",
            "Followed records that could not be read, and are left out",
            ("service", "topic"),
            registry=registry,
        )
        self.live_clients = Gauge(
            "headrace_recommendation_live_clients", "Live streams open", ("service",), registry=registry
        ).labels(SERVICE)
        self._stage = {stage: stages.labels(SERVICE, stage) for stage in STAGES}
        for part in PARTS:
            # From 0 on: of a series that begins above 0, increase() never sees the first step.
            self._degraded.labels(SERVICE, part)
        for topic in _FOLLOWED:
            self._undecodable.labels(SERVICE, topic)

    def expect(self, surfaces: Iterable[str]) -> None:
        """Answers for these are counted from 0 on."""
        for surface in surfaces:
            for kind in KINDS:
                self._answers.labels(SERVICE, surface, kind)

    def count(self, surface: str, kind: str, degraded: tuple[str, ...]) -> None:
        """An answer that is given now; `surface` is one of the policy's."""
        self._answers.labels(SERVICE, surface, kind).inc()
        for part in degraded:
            self._degraded.labels(SERVICE, part).inc()

    def time(self, stage: str, seconds: float) -> None:
        """How long a stage of one answer took."""
        self._stage[stage].observe(seconds)

    def observe_freshness(self, seconds: float) -> None:
        """From the append of an interaction until it was visible."""
        self._freshness.observe(max(0.0, seconds))

    def count_refused(self, topic: str) -> None:
        """A record that could not be read."""
        self._undecodable.labels(SERVICE, topic).inc()

    def watch(self, name: str, about: str, value: Callable[[], float]) -> None:
        """A gauge `headrace_recommendation_<name>` that is asked for at each scrape, on another thread or the loop."""
        Gauge(f"headrace_recommendation_{name}", about, ("service",), registry=self._registry).labels(
            SERVICE
        ).set_function(value)
