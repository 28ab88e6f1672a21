"""What `/metrics` shows of predictions. Labels are names of promoted models, roles, versions' inputs: bounded sets."""

from collections.abc import Callable, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from headrace.clock import MICROSECONDS
from headrace.models.deployments import Deployment, V
from headrace.models.loaded_version import LoadedVersion
from headrace.models.records import Role
from headrace.models.swap import Fate

SERVICE = "serve_api"
STAGES = ("validate", "score", "record")
TRIALS: tuple[Role, ...] = ("canary", "shadow")
ROLES: tuple[Role, ...] = ("champion", *TRIALS)
TRIAL_FAILURES = ("invalid_row", "score", "record", "busy")
_STAGE_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_SCORE_BUCKETS = tuple(share / 20 for share in range(1, 21))


class PredictionMetrics:
    """Counters of predictions, outcomes and loads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._predictions = Counter(
            "headrace_predictions_total",
            "Predictions that Kafka has confirmed; decision is true, false, or none for a regression",
            ("service", "model", "role", "decision"),
            registry=registry,
        )
        self._scores = Histogram(
            "headrace_prediction_score",
            "Probabilities of the positive class",
            ("service", "model", "role"),
            buckets=_SCORE_BUCKETS,
            registry=registry,
        )
        self._stages = Histogram(
            "headrace_prediction_stage_seconds",
            "How long a request's rows took to be validated, scored and recorded",
            ("service", "stage"),
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self._unseen = Counter(
            "headrace_prediction_unseen_total",
            "Rows that were answered with a category's value that the champion's training had not, by input",
            ("service", "model", "input"),
            registry=registry,
        )
        self._trial_failures = Counter(
            "headrace_prediction_trial_failures_total",
            "Rows that a canary or a shadow did not score or record; the champion answered them",
            ("service", "model", "role", "reason"),
            registry=registry,
        )
        self._outcomes = Counter(
            "headrace_prediction_outcomes_total",
            "Outcomes that Kafka has confirmed",
            ("service", "model"),
            registry=registry,
        )
        self._loads = Counter(
            "headrace_model_loads_total",
            "Loads of promoted versions: loaded, refused, unavailable (its store is), or online, which runs elsewhere",
            ("service", "model", "outcome"),
            registry=registry,
        )
        self._version = Gauge(
            "headrace_model_version", "Version that runs", ("service", "model", "role"), registry=registry
        )
        self._created = Gauge(
            "headrace_model_created_seconds",
            "When the version that runs was made, epoch seconds",
            ("service", "model", "role"),
            registry=registry,
        )
        self._not_loaded = Gauge(
            "headrace_model_not_loaded",
            "1 where the promoted version could not be loaded and an older one, or none, runs",
            ("service", "model", "role"),
            registry=registry,
        )
        self._undecodable = Gauge(
            "headrace_promotions_undecodable",
            "Models whose newest promotion this version can't read, so that what stood before it goes on",
            ("service",),
            registry=registry,
        )
        self._shown: set[tuple[str, Role]] = set()
        self._stage = {name: self._stages.labels(SERVICE, name) for name in STAGES}

    def count(self, model: str, role: Role, score: float, decision: bool | None) -> None:
        """One prediction that Kafka has confirmed."""
        shown = "none" if decision is None else str(decision).lower()
        self._predictions.labels(SERVICE, model, role, shown).inc()
        if decision is not None:
            self._scores.labels(SERVICE, model, role).observe(score)

    def time(self, stage: str, seconds: float) -> None:
        """How long a stage of one request took."""
        self._stage[stage].observe(seconds)

    def count_unseen(self, model: str, name: str) -> None:
        """An answered row's input held a level that was not in the champion's training."""
        self._unseen.labels(SERVICE, model, name).inc()

    def count_trial_failure(self, model: str, role: Role, reason: str, rows: int) -> None:
        """Rows that a canary or shadow failed."""
        self._trial_failures.labels(SERVICE, model, role, reason).inc(rows)

    def count_outcomes(self, model: str, outcomes: int) -> None:
        """Outcomes that Kafka has confirmed."""
        self._outcomes.labels(SERVICE, model).inc(outcomes)

    def count_load(self, model: str, fate: Fate) -> None:
        """A version that was tried to be loaded."""
        self._loads.labels(SERVICE, model, fate).inc()

    def show(self, deployment: Deployment[V]) -> None:
        """What runs of a model now."""
        name, recommenders = deployment.promotion.name, deployment.recommenders
        for role in ROLES:
            version = deployment.versions.get(role) or recommenders.get(role)
            if version is not None:
                self._version.labels(SERVICE, name, role).set(version.number)
                self._created.labels(SERVICE, name, role).set(version.manifest.created / MICROSECONDS)
            elif (name, role) in self._shown:
                self._version.remove(SERVICE, name, role)
                self._created.remove(SERVICE, name, role)
            self._not_loaded.labels(SERVICE, name, role).set(role in deployment.problems)
        running = {(name, role) for role in (*deployment.versions, *recommenders)}
        self._shown = {shown for shown in self._shown if shown[0] != name} | running
        self._begin_at_zero(name, deployment.versions)

    def forget(self, model: str) -> None:
        """A model was withdrawn, so nothing of it runs; what was counted stays."""
        for role in ROLES:
            if (model, role) in self._shown:
                self._version.remove(SERVICE, model, role)
                self._created.remove(SERVICE, model, role)
            self._not_loaded.labels(SERVICE, model, role).set(0)
        self._shown = {shown for shown in self._shown if shown[0] != model}

    def watch_undecodable(self, count: Callable[[], int]) -> None:
        """Asked at each scrape."""
        self._undecodable.labels(SERVICE).set_function(count)

    def _begin_at_zero(self, name: str, versions: Mapping[Role, LoadedVersion]) -> None:
        # Of a series that begins above 0, increase() never sees the first step.
        for fate in get_args(Fate):
            self._loads.labels(SERVICE, name, fate)
        self._outcomes.labels(SERVICE, name)
        for role in TRIALS:
            for reason in TRIAL_FAILURES:
                self._trial_failures.labels(SERVICE, name, role, reason)
        for role, version in versions.items():
            decisions = ("none",) if version.manifest.threshold is None else ("true", "false")
            for decision in decisions:
                self._predictions.labels(SERVICE, name, role, decision)
            for field in version.manifest.inputs:
                if field.levels:
                    self._unseen.labels(SERVICE, name, field.name)
