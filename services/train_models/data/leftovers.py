"""Temporary folders that killed trainings left behind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from headrace.clock import MICROSECONDS, Clock, SystemClock
from train_models.data.duck import DUCKDB
from train_models.data.snapshots import MAKING, SNAPSHOTS
from train_models.data.sources.prediction_rows import PREDICTIONS
from train_models.data.spool import SPOOL

SCRATCH = "scratch"
UNTOUCHED_S = 86_400
"""For so long nothing was written into a folder that nobody works in any more."""


def remove_leftovers(folder: Path, clock: Clock | None = None) -> None:
    """Removes those in which nothing was written for a day, from the folder of the data."""
    oldest = (clock or SystemClock()).now_us() / MICROSECONDS - UNTOUCHED_S
    for path in [*_named(folder / SNAPSHOTS, MAKING), *_named(folder / SCRATCH, SPOOL, DUCKDB, PREDICTIONS)]:
        if _last_written(path) < oldest:
            shutil.rmtree(path, ignore_errors=True)


def _named(folder: Path, *prefixes: str) -> Iterator[Path]:
    for prefix in prefixes:
        yield from (path for path in folder.glob(f"{prefix}*") if path.is_dir())


def _last_written(folder: Path) -> float:
    times = []
    for path in (folder, *folder.rglob("*")):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:
            # Its owner has just removed it, and works.
            return float("inf")
    return max(times)
