"""What all parts of a choice need of the model file, in one object that can be sent to another process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from headrace.models.manifest import Task
from train_models.choice.algorithms import How
from train_models.choice.choice_spec import Candidate, Imbalance, Search, Validation
from train_models.judging.metrics import GREATER_IS_BETTER
from train_models.model_file import ModelFile

Build = Callable[[Any, bool], Pipeline]
"""An unfitted estimator, and whether it needs scaled features → a pipeline that ends with it, fitted on nothing."""


@dataclass(frozen=True)
class Plan:
    """How candidates are fitted, searched and compared."""

    task: Task
    metric: str
    validation: Validation
    candidates: tuple[Candidate, ...]
    search: Search
    imbalance: Imbalance
    threads: int
    build: Build

    @property
    def seed(self) -> int:
        return self.validation.seed

    @property
    def how(self) -> How:
        return How(self.task, self.seed, self.threads, self.imbalance.weights == "balanced")

    @property
    def greater_is_better(self) -> bool:
        return GREATER_IS_BETTER[self.metric]

    def candidate(self, title: str) -> Candidate | None:
        """None for a baseline."""
        return next((each for each in self.candidates if each.title == title), None)


def plan_of(model_file: ModelFile, build: Build) -> Plan:
    """The plan that a model file says."""
    default = "rmse" if model_file.task == "regression" else "roc_auc"
    return Plan(
        task=model_file.task,
        metric=model_file.search.metric or default,
        validation=model_file.validation,
        candidates=model_file.candidates,
        search=model_file.search,
        imbalance=model_file.imbalance,
        threads=model_file.threads,
        build=build,
    )
