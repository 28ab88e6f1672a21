"""Experiments and records for tests: short, with everything that a test doesn't care about filled in."""

from __future__ import annotations

from itertools import count
from typing import Any

from headrace.experiments.accumulators import Accumulators
from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments
from headrace.experiments.parts import Part
from headrace.experiments.task_totals import TaskTotals
from headrace.interactions.records import ExperimentTotals, Interaction, Recommendation, Sums

HOUR = 3_600_000_000
DAY = 24 * HOUR
T0 = 20_454 * DAY + 12 * HOUR
"""Noon of a day in 2026."""
_ids = count()


def experiment(**changes: Any) -> Experiment:
    """One on all people, of purchases and revenue over a day."""
    fields: dict[str, Any] = {
        "name": "variety",
        "state": "running",
        "start": "2025-12-01T00:00:00Z",
        "arms": {"control": {"share": 0.5}, "varied": {"share": 0.5}},
        "metrics": {
            "bought": {"measure": "happened", "kinds": ["purchase"]},
            "revenue": {"measure": "value", "kinds": ["purchase"], "cap": 100},
            "clicks": {"measure": "count", "kinds": ["click"], "attributed": True},
        },
        "primary": "bought",
        **changes,
    }
    return Experiment.model_validate(fields)


def interaction(kind: Any = "purchase", value: float | None = None, **changes: Any) -> Interaction:
    fields: dict[str, Any] = {"site": "default", "subject": "anna", "time": 0, "received": 0, "item": "a", **changes}
    return Interaction(id=f"event-{next(_ids)}", kind=kind, value=value, **fields)


def answer(**arms: str) -> Recommendation:
    return Recommendation("r", "default", "anna", "home", 0, (), arms)


class Anna:
    """One person in experiments, and the totals that she is in."""

    def __init__(self, *experiments: Experiment) -> None:
        self.rules = Accumulators(Experiments(experiments))
        self.part = Part()
        self.totals = TaskTotals()

    def is_shown(self, now: int, **arms: str) -> None:
        self.totals.apply(self.rules.enrol(self.part, answer(**arms), now))

    def does(self, now: int, kind: Any = "purchase", value: float | None = None, **changes: Any) -> None:
        self.totals.apply(self.rules.count(self.part, interaction(kind, value, **changes), 5.0, now))

    def passes(self, now: int) -> None:
        self.totals.apply(self.rules.mature(self.part, now))

    def is_forgotten(self) -> None:
        self.totals.apply(self.rules.forget(self.part))

    def sums(self, metric: str, arm: str = "varied", experiment: str = "variety") -> Sums:
        return self.record(arm, experiment).metrics.get(metric, Sums())

    def record(self, arm: str = "varied", experiment: str = "variety") -> ExperimentTotals:
        return self.totals.record("default", experiment, arm, 0, T0)
