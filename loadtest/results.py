"""Committed results: one JSON file a benchmark."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtest.machine import machine

FOLDER = Path(__file__).resolve().parent / "results"


def write(name: str, rerun: str, figures: Mapping[str, object]) -> Path:
    """Writes results/NAME.json with the machine and the command that makes it again."""
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"rerun": rerun, "machine": machine(), **figures}, indent=2) + "\n")
    return path


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest of repeats."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
