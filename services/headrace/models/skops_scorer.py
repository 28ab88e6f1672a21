"""Scores by the fitted scikit-learn object itself, from a skops file, for what can't be put into ONNX."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from headrace.errors import ConfigurationError
from headrace.models.artifact_error import ArtifactError
from headrace.models.inputs import Columns, Input
from headrace.models.manifest import AnyTask, Manifest
from headrace.models.skops_types import allowed_types, parts_of, types_in

_SCHEMA = "schema.json"
_SUFFIXES = (".npy", ".npz")
_MAX_UNPACKED = 2 << 30
_SMALL_UNPACKED = 64 << 20
_MAX_RATIO = 100
"""All that loading makes is no more than this many times the file, or `_SMALL_UNPACKED`: zeros pack a thousandfold."""
_MAX_SCHEMA = 128 << 20
_PACKED = (b"PK\x03\x04", b"PK\x05\x06")
"""How a file starts in which numpy looks for arrays inside."""
_LOADERS = {
    "DefaultDictNode",
    "DictNode",
    "DTypeNode",
    "JsonNode",
    "ListNode",
    "LossNode",
    "NdArrayNode",
    "ObjectNode",
    "RandomGeneratorNode",
    "RandomStateNode",
    "SliceNode",
    "SparseMatrixNode",
    "TreeNode",
    "TupleNode",
    "TypeNode",
}
"""How parts of a file are made; those that look up functions or methods aren't among them."""


def check_skops(content: bytes, algorithm: str) -> list[str]:
    """Refuses a file that holds anything but arrays and the types that a model of this algorithm is made of.

    Returns:
        the types in it.

    Raises:
        ArtifactError: says what else is in it.
    """
    try:
        limit = min(_MAX_UNPACKED, max(_SMALL_UNPACKED, _MAX_RATIO * len(content)))
        schema, sizes = _unpack(content, limit)
        _check_size(schema, sizes, limit)
        types = types_in(schema)
        loaders = _loaders(schema)
    except ArtifactError:
        raise
    except Exception as error:
        raise ArtifactError("the .skops file is no skops file") from error
    if strangers := sorted(types - allowed_types(algorithm)):
        raise ArtifactError(
            f"the .skops file holds {', '.join(strangers[:5])}, of which no {algorithm} model is made: it isn't loaded"
        )
    if others := sorted(map(str, loaders - _LOADERS)):
        raise ArtifactError(f"the .skops file wants {', '.join(others[:5])}, which isn't allowed: it isn't loaded")
    return sorted(types)


def _unpack(content: bytes, limit: int) -> tuple[Any, dict[str, int]]:
    """The schema, and the size of each file when it and what is packed in it are unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        entries, sizes = packed.infolist(), {}
        _check_total(sum(entry.file_size for entry in entries), limit)
        for entry in entries:
            if entry.filename != _SCHEMA and ("/" in entry.filename or not entry.filename.endswith(_SUFFIXES)):
                raise ArtifactError(f"the .skops file holds {entry.filename!r}, which is no array: it isn't loaded")
            sizes[entry.filename] = entry.file_size + _size_inside(packed.read(entry))
        if sizes[_SCHEMA] > _MAX_SCHEMA:
            raise ArtifactError(f"the .skops file has a {_SCHEMA} of more than {_MAX_SCHEMA >> 20} MB")
        return json.loads(packed.read(_SCHEMA)), sizes


def _size_inside(array: bytes) -> int:
    if not array.startswith(_PACKED):
        return 0
    with zipfile.ZipFile(io.BytesIO(array)) as packed:
        return sum(entry.file_size for entry in packed.infolist())


def _check_size(schema: Any, sizes: Mapping[str, int], limit: int) -> None:
    """Counts a file for each part that wants it: skops reads it again for each, but for parts of the same id."""
    wanted = {
        (str(part.get("__id__") or f"none {at}"), str(part["file"]))
        for at, part in enumerate(parts_of(schema))
        if "file" in part
    }
    _check_total(sum(sizes.get(file, 0) for _, file in wanted), limit)


def _check_total(size: int, limit: int) -> None:
    if size > limit:
        raise ArtifactError(f"the .skops file is larger than {limit >> 20} MB when unpacked: it isn't loaded")


def _loaders(schema: Any) -> set[str]:
    return {str(part["__loader__"]) for part in parts_of(schema) if "__loader__" in part}


def load_skops(content: bytes, algorithm: str) -> Any:
    """The fitted object, after `check_skops`.

    Raises:
        ArtifactError: it is refused, or can't be read.
        ConfigurationError: skops or scikit-learn isn't installed.
    """
    types = check_skops(content, algorithm)
    try:
        import skops.io
    except ImportError as error:
        raise ConfigurationError(
            f"a model of {algorithm} in skops form needs headrace[train_models]: {error}"
        ) from error
    try:
        return skops.io.loads(content, trusted=sorted(set(skops.io.get_untrusted_types(data=content)) & set(types)))
    except ImportError as error:
        raise ConfigurationError(
            f"a model of {algorithm} in skops form needs headrace[train_models]: {error}"
        ) from error
    except Exception as error:
        raise ArtifactError(f"the .skops file can't be loaded: {error}") from error


class PipelineScorer:
    """Calls a fitted scikit-learn object with a pandas frame of the columns."""

    def __init__(self, fitted: Any, inputs: Iterable[Input], task: AnyTask) -> None:
        self._fitted = fitted
        self._names = [field.name for field in inputs]
        self._is_classifier = task == "classification"

    def score(self, columns: Columns) -> np.ndarray[Any, Any]:
        """One float64 per row."""
        import pandas as pd

        frame = pd.DataFrame({name: columns[name] for name in self._names})
        # What overflows is an error of scikit-learn's afterwards; a warning would be in the log for each.
        with np.errstate(over="ignore"):
            found = self._fitted.predict_proba(frame)[:, 1] if self._is_classifier else self._fitted.predict(frame)
        scores: np.ndarray[Any, Any] = np.asarray(found, dtype=np.float64).reshape(-1)
        return scores


class SkopsScorer(PipelineScorer):
    """The fitted object of a skops file.

    Args:
        content: the file.

    Raises:
        ArtifactError: it is refused, or was made by another scikit-learn.
        ConfigurationError: scikit-learn isn't installed.
    """

    def __init__(self, content: bytes, manifest: Manifest) -> None:
        fitted = load_skops(content, manifest.algorithm)
        _check_version(manifest)
        super().__init__(fitted, manifest.inputs, manifest.task)


def _check_version(manifest: Manifest) -> None:
    import sklearn

    made_by = manifest.libraries.get("scikit-learn", sklearn.__version__)
    if made_by.split(".")[:2] != sklearn.__version__.split(".")[:2]:
        raise ArtifactError(
            f"the model was made by scikit-learn {made_by}, and here is {sklearn.__version__}: train it again"
        )
