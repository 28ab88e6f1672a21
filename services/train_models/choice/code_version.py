"""By which code results are made: a hash of the sources that a training's results depend on."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_TRAINING = Path(__file__).resolve().parents[1]
_SOURCES = (
    _TRAINING / "data",
    _TRAINING / "features",
    _TRAINING / "choice",
    _TRAINING / "judging" / "metrics.py",
    _TRAINING.parent / "headrace" / "models",
)
"""Preparation, choice, the metric that chooses, and the steps that a fitted object is made of."""


@cache
def code_sha256() -> str:
    """Of this process's code, read once."""
    return sources_sha256(_SOURCES)


def sources_sha256(places: Iterable[Path]) -> str:
    """Of all Python files in folders, with their names, or of single ones."""
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            content = path.read_bytes()
            digest.update(f"{place.name}/{path.relative_to(place)} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()
