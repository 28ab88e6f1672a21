"""What the retraining counts. Labels are names of model files and fixed outcomes."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

SERVICE = "train_models"
OUTCOMES = ("trained", "failed")


class Metrics:
    """The metrics of all models in one registry; each series is there from the start."""

    def __init__(self, registry: CollectorRegistry, models: Iterable[str]) -> None:
        labels = ["service", "model"]
        self._trainings = Counter(
            "headrace_model_trainings_total", "Trainings by how they ended", [*labels, "outcome"], registry=registry
        )
        self._last = Gauge(
            "headrace_model_last_trained_seconds",
            "When the last training ended well (Unix time); 0 before the first",
            labels,
            registry=registry,
        )
        self._new_rows = Gauge(
            "headrace_model_new_rows", "Rows that came since the last training", labels, registry=registry
        )
        self._drift = Gauge(
            "headrace_model_drift_psi",
            "Greatest population stability index of an input or the score, between training and the last predictions",
            labels,
            registry=registry,
        )
        self._failing = Gauge(
            "headrace_model_training_failing",
            "1 since a training failed, until one ends well",
            labels,
            registry=registry,
        )
        for model in models:
            for outcome in OUTCOMES:
                self._trainings.labels(SERVICE, model, outcome)
            for gauge in (self._last, self._new_rows, self._drift, self._failing):
                gauge.labels(SERVICE, model).set(0)

    def note_training(self, model: str, is_well: bool, now_us: int) -> None:
        """Counts one that ended."""
        self._trainings.labels(SERVICE, model, OUTCOMES[not is_well]).inc()
        self.note_last(model, is_well, now_us)

    def note_last(self, model: str, is_well: bool, ended_us: int) -> None:
        """How the newest one ended, in this process or one before."""
        self._failing.labels(SERVICE, model).set(not is_well)
        if is_well:
            self._last.labels(SERVICE, model).set(ended_us / 1e6)

    def note_standing(self, model: str, new_rows: int | None, drift: float | None) -> None:
        """What was measured; None where the file asks for none."""
        self._new_rows.labels(SERVICE, model).set(new_rows or 0)
        self._drift.labels(SERVICE, model).set(drift or 0.0)
