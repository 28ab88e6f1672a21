"""Trains models again when their files say so: looks at each now and then, and runs one training at a time."""

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FrameType
from typing import Protocol

import msgspec

from headrace.clock import Clock
from headrace.errors import HeadraceError
from headrace.health import HealthServer
from train_models.metrics import Metrics
from train_models.retraining.retrained import Retrained
from train_models.retraining.training_log import LastTraining, TrainingLog
from train_models.retraining.triggers import Standing, due

log = logging.getLogger(__name__)


class Measure(Protocol):
    """Looks at what came since a model was trained."""

    def standing(self, model: Retrained, since_us: int) -> Standing:
        """Rows and drift that the model's file asks for; `last_trained_us` is left to the caller.

        Args:
            since_us: when the last training began, 0 before the first.

        Raises:
            HeadraceError: they can't be had now.
        """
        ...


class Training(Protocol):
    """Trains a model, and promotes it where its file says so."""

    def train(self, model: Retrained, because: str, stop: threading.Event) -> bool:
        """Whether it ended well; ends early, to be resumed, when `stop` is set."""
        ...


class Retrainer:
    """One thread for all models: a training takes what cores there are.

    Args:
        models: those with a trigger.
        every_s: between two looks.
        forget: called at each look, while nothing is trained here.
    """

    def __init__(
        self,
        models: Mapping[str, Retrained],
        measure: Measure,
        training: Training,
        training_log: TrainingLog,
        metrics: Metrics,
        clock: Clock,
        every_s: float,
        forget: Callable[[], None],
    ) -> None:
        self._models = models
        self._measure = measure
        self._training = training
        self._log = training_log
        self._metrics = metrics
        self._clock = clock
        self._every_s = every_s
        self._forget = forget
        self._stop = threading.Event()

    def run(self, health: HealthServer) -> None:
        """Looks until SIGTERM or SIGINT. What was interrupted is resumed at the next start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self.remember()
        with health:
            log.info("started", extra={"http_port": health.port, "models": sorted(self._models)})
            while not self._stop.is_set():
                self.look()
                self._stop.wait(self._every_s)

    def remember(self) -> None:
        """Shows what the process before this one did."""
        for model in self._models.values():
            last = self._log.last(model)
            if last is not None and last.ended_us and not last.is_look:
                self._metrics.note_last(model.name, last.is_well, last.ended_us)

    def look(self) -> None:
        """Looks at each model once, and trains those that are due."""
        self._forget()
        for model in self._models.values():
            if self._stop.is_set():
                return
            try:
                because = self._reason(model)
            except HeadraceError as error:
                log.warning("a model can't be looked at now", extra={"model": model.name, "reason": str(error)})
                continue
            if because is not None:
                self._train(model, because)

    def _reason(self, model: Retrained) -> str | None:
        last = self._log.last(model)
        if last is None:
            # A file that is new is trained at its first time, not at once.
            now_us = self._clock.now_us()
            last = LastTraining(now_us, "first look", now_us, is_well=True, is_look=True)
            self._log.note(model, last)
        if not last.ended_us:
            return last.because
        measured = self._measure.standing(model, 0 if last.is_look else last.began_us)
        self._metrics.note_standing(model.name, measured.new_rows, max(measured.drift.values(), default=None))
        return due(model.retraining, replace(measured, last_trained_us=last.began_us), self._clock.now_us())

    def _train(self, model: Retrained, because: str) -> None:
        training = LastTraining(self._clock.now_us(), because)
        self._log.note(model, training)
        log.info("training", extra={"model": model.name, "reason": because})
        is_well = self._training.train(model, because, self._stop)
        if self._stop.is_set():
            return
        now_us = self._clock.now_us()
        self._log.note(model, msgspec.structs.replace(training, ended_us=now_us, is_well=is_well))
        self._metrics.note_training(model.name, is_well, now_us)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()
