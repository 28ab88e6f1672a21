"""What is removed of the data folder when a training is done."""

import logging

from headrace.errors import TransientError
from headrace.subjects.erased import read_erased
from train_models.data_in_use import if_unused
from train_models.erased_rows import remove_erased
from train_models.old_trainings import remove_old
from train_models.registry.mlflow_registry import Registry
from train_models.settings import Settings

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
