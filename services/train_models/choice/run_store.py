"""What a training has finished, in a folder, so that a run that was interrupted goes on where it was.

Each result is a file of its own, there whole or not at all.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from headrace.errors import ConfigurationError
from train_models.choice.code_version import code_sha256
from train_models.model_file import ModelFile
from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]

_KEY_FILE = "run.json"
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "optuna", "imbalanced-learn")
_UNJUDGED = {"about", "slices", "gates", "retraining", "stream"}
"""Parts of a model file on which no value of the hold-out depends."""
_LATER = {*_UNJUDGED, "threshold"}
"""Parts that change nothing of what is stored, so that they can be mended without training again."""


@dataclass(frozen=True)
class Stored:
    """One result: what JSON can hold of it, and arrays."""

    about: dict[str, Any]
    arrays: dict[str, Array]


class RunStore:
    """The results of one run.

    Args:
        folder: made where it is missing.
        key: what the results come from; a folder of another key is refused.

    Raises:
        ConfigurationError: the folder belongs to a run on other rows, or with another model file or libraries.
    """

    def __init__(self, folder: Path, key: Mapping[str, str]) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _KEY_FILE
        if not path.exists():
            _write(path, _json(dict(key)))
            return
        there = json.loads(path.read_bytes())
        if different := sorted(name for name in {*there, *key} if there.get(name) != key.get(name)):
            raise ConfigurationError(
                f"{folder}: is of a run with another {' and '.join(different)}; use an empty folder, or remove it"
            )

    def load(self, name: str) -> Stored | None:
        """A finished result, or None."""
        path = self._path(name)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as found:
            arrays = {each: found[each] for each in found.files}
        return Stored(json.loads(str(arrays.pop("about"))), arrays)

    def save(self, name: str, stored: Stored) -> None:
        """Keeps a result; it is on disk when this returns."""
        path = self._path(name)
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            np.savez(file, about=np.array(_json(stored.about).decode()), allow_pickle=False, **stored.arrays)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync(path.parent)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"


def key_of(rows: TrainingRows, model_file: ModelFile) -> dict[str, str]:
    """What results depend on: rows, parts of the model file that train, seed, this project's code and the libraries."""
    content = model_file.model_dump(mode="json", exclude=_LATER)
    return {
        "rows": hash_of(rows),
        "model file": hashlib.sha256(_json(content)).hexdigest(),
        "seed": str(model_file.validation.seed),
        "version of the code": code_sha256(),
        "library version": ", ".join(f"{each} {version(each)}" for each in _LIBRARIES),
    }


def look_of(model_file: ModelFile) -> str:
    """What a look at the hold-out judges: SHA-256 of all in a model file that could be edited by what it said."""
    content = model_file.model_dump(mode="json", exclude={*_UNJUDGED, "name", "threads"})
    return hashlib.sha256(_json(content)).hexdigest()


def hash_of(rows: TrainingRows) -> str:
    """SHA-256 over all columns, targets, ids, times, groups and when labels were known, in their order."""
    digest = hashlib.sha256()
    columns = {f"input {name}": rows.frame[name].to_numpy() for name in rows.frame.columns}
    for name, values in {
        **columns,
        "target": rows.target,
        "ids": rows.ids,
        "times": rows.times,
        "groups": rows.groups,
        "known": rows.known,
    }.items():
        digest.update(f"{name} {len(rows)}".encode())
        if values is not None:
            digest.update(_bytes(values))
    return digest.hexdigest()


def _bytes(values: Array) -> bytes:
    if values.dtype.kind in "OU":
        return json.dumps([str(value) for value in values]).encode()
    return np.ascontiguousarray(values).tobytes()


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, indent=1).encode()


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
