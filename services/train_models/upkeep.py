"""What is removed of the data folder: when a training is done, and of erased persons also once a day."""

import logging

from headrace.clock import Clock
from headrace.errors import TransientError
from headrace.subjects.erased import read_erased
from train_models.data.leftovers import remove_leftovers
from train_models.data_in_use import if_unused
from train_models.erased_rows import remove_erased
from train_models.old_trainings import remove_old
from train_models.registry.mlflow_registry import Registry
from train_models.settings import Settings

DAY_S = 86_400.0
log = logging.getLogger(__name__)


def remove_unneeded(settings: Settings, registry: Registry) -> None:
    """Old runs and snapshots that nobody needs, and rows of erased subjects, unless another training is running.

    What can't be removed now is removed after another training: this one is done.
    """
    with if_unused(settings.data) as is_unused:
        if not is_unused:
            return
        try:
            remove_old(settings.data, settings.keep_trainings, registry.snapshots())
            remove_erased(settings.data, lambda: read_erased(settings.brokers))
        except (OSError, TransientError) as error:
            log.warning("old trainings can't be removed now", extra={"reason": str(error)})


class DailyForgetting:
    """Removes rows of erased subjects, and what killed trainings left, once a day: however seldom is trained."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._next = clock.monotonic()

    def __call__(self) -> None:
        """Does it if it is due; while somebody trains, or Kafka is away, it stays so."""
        if self._clock.monotonic() < self._next:
            return
        with if_unused(self._settings.data) as is_unused:
            if not is_unused:
                return
            try:
                remove_leftovers(self._settings.data)
                remove_erased(self._settings.data, lambda: read_erased(self._settings.brokers))
            except (OSError, TransientError) as error:
                log.warning("rows of erased persons can't be removed now", extra={"reason": str(error)})
                return
        self._next = self._clock.monotonic() + DAY_S
