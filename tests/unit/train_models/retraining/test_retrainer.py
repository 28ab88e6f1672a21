"""The retraining's loop: what it trains, what it remembers, what it resumes."""

import threading
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError, HeadraceError, TransientError
from headrace.metrics import new_registry
from headrace.testing import FakeClock
from train_models.metrics import Metrics
from train_models.model_file import ModelFile
from train_models.retraining.retrained import Retrained
from train_models.retraining.retrainer import Retrainer
from train_models.retraining.training_log import LastTraining, TrainingLog
from train_models.retraining.triggers import Standing


def _model(name: str) -> ModelFile:
    return ModelFile.model_validate(
        {
            "name": name,
            "task": "regression",
            "data": {"topic": {"name": "sources.orders"}, "label": "y"},
            "inputs": {"x": "number"},
            "candidates": [{"algorithm": "ridge"}],
            "retraining": {"new_rows": 100},
        }
    )


class Rows:
    """Says how many rows are new; a model without a number can't be looked at."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts
        self.since: list[int] = []
        self.error: HeadraceError = TransientError("the brokers don't answer")

    def standing(self, model: Retrained, since_us: int) -> Standing:
        self.since.append(since_us)
        if model.name not in self.counts:
            raise self.error
        return Standing(new_rows=self.counts[model.name])


class Trainings:
    """Ends as it is told, or is interrupted."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.is_well = True
        self.is_interrupted = False

    def train(self, model: Retrained, because: str, stop: threading.Event) -> bool:
        self.done.append((model.name, because))
        if self.is_interrupted:
            stop.set()
        return self.is_well


class Bench:
    """A retrainer of two models, and a second process's after it."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.trainings, self.rows = FakeClock(), Trainings(), Rows(orders=0, visits=0)
        self.log = TrainingLog(folder)
        self.forgot: list[int] = []
        self.forget_metrics()

    def forget_metrics(self) -> None:
        """As a process that begins."""
        self.registry = new_registry()
        self.metrics = Metrics(self.registry, ["orders", "visits"])

    def start(self) -> Retrainer:
        models = {name: _model(name) for name in ("orders", "visits")}
        return Retrainer(
            models, self.rows, self.trainings, self.log, self.metrics, self.clock, 60, lambda: self.forgot.append(1)
        )

    def counted(self, model: str, outcome: str) -> float | None:
        labels = {"service": "train_models", "model": model, "outcome": outcome}
        return self.registry.get_sample_value("headrace_model_trainings_total", labels)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "retraining")


def test_a_model_with_enough_new_rows_is_trained_once(bench: Bench) -> None:
    retrainer = bench.start()
    retrainer.look()
    assert bench.trainings.done == []
    bench.rows.counts["visits"] = 100
    retrainer.look()
    bench.rows.counts["visits"] = 0
    retrainer.look()
    assert bench.trainings.done == [("visits", "100 new rows")]
    assert (bench.counted("visits", "trained"), bench.counted("orders", "trained")) == (1, 0)


def test_erased_persons_are_forgotten_though_nothing_is_to_be_trained(bench: Bench) -> None:
    retrainer = bench.start()
    retrainer.look()
    retrainer.look()
    assert (bench.forgot, bench.trainings.done) == ([1, 1], [])


def test_what_was_interrupted_is_resumed_by_the_next_process(bench: Bench) -> None:
    bench.rows.counts["orders"] = 500
    bench.trainings.is_interrupted = True
    bench.start().look()
    bench.trainings.is_interrupted = False
    bench.rows.counts["orders"] = 0
    again = bench.start()
    again.look()
    again.look()
    assert bench.trainings.done == [("orders", "500 new rows"), ("orders", "500 new rows")]
    assert bench.counted("orders", "trained") == 1


def test_a_training_that_fails_is_counted_and_not_repeated_at_once(bench: Bench) -> None:
    bench.rows.counts["orders"] = 100
    bench.trainings.is_well = False
    retrainer = bench.start()
    retrainer.look()
    assert (bench.counted("orders", "failed"), bench.counted("orders", "trained")) == (1, 0)
    last = bench.log.last(_model("orders"))
    assert last is not None and last.ended_us and not last.is_well


def test_rows_count_since_the_last_training_however_it_ended(bench: Bench) -> None:
    retrainer = bench.start()
    retrainer.look()
    bench.clock.advance(60)
    bench.rows.counts["orders"] = 100
    bench.trainings.is_well = False
    retrainer.look()
    began_us = bench.clock.now_us()
    bench.clock.advance(60)
    retrainer.look()
    assert bench.rows.since == [0, 0, 0, 0, began_us, 0]


@pytest.mark.parametrize("is_well", [True, False])
def test_the_next_process_shows_how_the_last_training_ended(bench: Bench, is_well: bool) -> None:
    bench.rows.counts["orders"] = 100
    bench.trainings.is_well = is_well
    bench.start().look()
    ended_s = bench.clock.now_us() / 1e6
    bench.clock.advance(60)
    bench.forget_metrics()
    retrainer = bench.start()
    retrainer.remember()
    labels = {"service": "train_models", "model": "orders"}
    found = [
        bench.registry.get_sample_value(name, labels)
        for name in ("headrace_model_last_trained_seconds", "headrace_model_training_failing")
    ]
    assert found == ([ended_s, 0] if is_well else [0, 1])


@pytest.mark.parametrize("error", [TransientError("the brokers don't answer"), ConfigurationError("no topic")])
def test_a_model_that_cannot_be_looked_at_costs_itself_alone(bench: Bench, error: HeadraceError) -> None:
    bench.rows.error = error
    del bench.rows.counts["orders"]
    bench.rows.counts["visits"] = 100
    bench.start().look()
    assert bench.trainings.done == [("visits", "100 new rows")]


def test_the_log_survives_a_restart(tmp_path: Path) -> None:
    training = LastTraining(5, "drift", 7, True)
    TrainingLog(tmp_path).note(_model("orders"), training)
    assert TrainingLog(tmp_path).last(_model("orders")) == training
    assert TrainingLog(tmp_path).last(_model("visits")) is None
