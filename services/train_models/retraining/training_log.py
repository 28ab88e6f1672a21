"""What the retraining remembers of each model, in a file of its own: it is asked again after a restart."""

import os
from pathlib import Path

import msgspec

from train_models.retraining.retrained import Retrained


class LastTraining(msgspec.Struct, frozen=True):
    """The newest training of a model; it has not ended while `ended_us` is 0. Times are microseconds UTC.

    Before the first training it is the first look at the model, from which its times count.
    """

    began_us: int
    because: str
    ended_us: int = 0
    is_well: bool = False
    is_look: bool = False


class TrainingLog:
    """One small JSON file per model, replaced whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def last(self, model: Retrained) -> LastTraining | None:
        """The newest training, or None before the first."""
        try:
            return msgspec.json.decode(self._path(model.name).read_bytes(), type=LastTraining)
        except FileNotFoundError:
            return None

    def note(self, model: Retrained, training: LastTraining) -> None:
        """Writes it, so that a kill leaves the old or the new."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(model.name)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(msgspec.json.encode(training))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
