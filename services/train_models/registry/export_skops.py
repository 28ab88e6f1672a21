"""Writes a fitted object as skops, and hashes what it holds in a form that doesn't depend on when or where."""

import hashlib
import io
import json
import zipfile
from typing import Any

import numpy as np
import skops.io

_SCHEMA = "schema.json"
_ONLY_OF_THE_RUN = {"__id__", "_skops_version", "protocol"}


def export_skops(fitted: Any) -> bytes:
    """The object's bytes; `headrace.models.skops_scorer.check_skops` says whether they may be loaded."""
    content: bytes = skops.io.dumps(fitted)
    return content


def content_sha256(content: bytes) -> str:
    """Hash of what a skops file holds: types, values and arrays, without addresses, times and padding.

    The same rows, model file, seed and libraries give the same. Fields of compound arrays are hashed each on its own:
    what lies between them in memory is by chance.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        arrays = {name: _array_hash(packed.read(name)) for name in packed.namelist() if name != _SCHEMA}
        schema = json.loads(packed.read(_SCHEMA))
    return _part_hash(schema, arrays)


def _part_hash(part: Any, arrays: dict[str, str]) -> str:
    """Of a part by the hashes of its parts."""
    if isinstance(part, list):
        return _json_hash([_part_hash(each, arrays) for each in part])
    if not isinstance(part, dict):
        return _json_hash(arrays.get(part, part) if isinstance(part, str) else part)
    kept = {key: value for key, value in part.items() if key not in _ONLY_OF_THE_RUN}
    return _json_hash({key: _part_hash(value, arrays) for key, value in kept.items()})


def _json_hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _array_hash(content: bytes) -> str:
    found = hashlib.sha256()
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError:
        return hashlib.sha256(content).hexdigest()
    for part in array.values() if hasattr(array, "files") else [array]:
        found.update(f"{part.dtype.descr} {part.shape}".encode())
        for field in part.dtype.names or [None]:
            found.update(np.ascontiguousarray(part if field is None else part[field]).tobytes())
    return found.hexdigest()
