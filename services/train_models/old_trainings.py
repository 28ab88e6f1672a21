"""Removes what trainings leave and nobody needs: results of old runs, and snapshots that no version was made of.

Hold-outs of versions, ledgers and artifacts are never touched.
"""

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import msgspec

from headrace.errors import ConfigurationError
from train_models.data.snapshots import load_snapshot

_TRAINED_FILE = "trained.json"
_GONE = ".gone-"
"""How the name of a folder begins that is being removed: it is renamed first, so that none is there in part."""
_UNFINISHED = ".making-"
"""The same of a snapshot that is being written, see `snapshots.write_snapshot`."""
_ABANDONED_S = 86_400.0


class Finished(msgspec.Struct, frozen=True):
    """What a finished run was on: `trained.json` in its folder.

    Attributes:
        at: microseconds UTC.
    """

    data_sha256: str
    at: int


def note_trained(run: Path, data_sha256: str, at_us: int) -> None:
    """Writes that a run is finished, or is asked for again."""
    unfinished = run / f"{_TRAINED_FILE}.unfinished"
    unfinished.write_bytes(msgspec.json.encode(Finished(data_sha256, at_us)))
    unfinished.replace(run / _TRAINED_FILE)


def remove_old(data: Path, keep: int, registered: Iterable[str]) -> None:
    """Keeps of each model the newest finished runs and the newest unfinished ones, and the snapshots that are needed.

    Needed are those of registered versions and of finished runs that are kept, and all that these were made of. To be
    called while nobody trains.

    Args:
        data: the data folder.
        keep: how many runs.
        registered: hashes of the snapshots that versions of any model were made of.

    Raises:
        OSError: something can't be removed; it is tried again at the next time.
    """
    kept: set[str] = set(registered)
    for model in folders_in(data / "trainings"):
        kept |= _remove_old_runs(model, keep)
    snapshots = data / "snapshots"
    needed = _with_parents(kept, data)
    for folder in folders_in(snapshots):
        if folder.name.startswith(_UNFINISHED):
            if time.time() - folder.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(folder)
        elif folder.name not in needed:
            remove_folder(folder)


def _remove_old_runs(model: Path, keep: int) -> set[str]:
    """Returns the snapshots of the finished runs that are kept."""
    runs = {folder: _trained(folder) for folder in folders_in(model)}
    finished = sorted(((trained.at, folder.name, folder) for folder, trained in runs.items() if trained), reverse=True)
    begun = sorted(
        ((folder.stat().st_mtime, folder.name, folder) for folder, trained in runs.items() if not trained), reverse=True
    )
    for _, _, folder in (*finished[keep:], *begun[keep:]):
        remove_folder(folder)
    for lock in model.glob("*.lock"):
        if not lock.with_suffix("").exists():
            lock.unlink()
    return {trained.data_sha256 for _, _, folder in finished[:keep] if (trained := runs[folder])}


def _with_parents(snapshots: Iterable[str], data: Path) -> set[str]:
    found: set[str] = set()
    waiting = list(snapshots)
    while waiting:
        sha256 = waiting.pop()
        if sha256 in found:
            continue
        found.add(sha256)
        try:
            waiting += load_snapshot(sha256, data, verify=False).about.parents
        except ConfigurationError:
            # Frozen on another machine, or no snapshot, as of an online version.
            continue
    return found


def snapshot_of_run(run: Path) -> str | None:
    """The hash of the snapshot that a finished run was on."""
    trained = _trained(run)
    return None if trained is None else trained.data_sha256


def _trained(run: Path) -> Finished | None:
    try:
        return msgspec.json.decode((run / _TRAINED_FILE).read_bytes(), type=Finished)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def folders_in(place: Path) -> list[Path]:
    """Folders in a folder; what an earlier removal left is removed."""
    if not place.is_dir():
        return []
    found = []
    for entry in os.scandir(place):
        if entry.name.startswith(_GONE):
            shutil.rmtree(entry.path)
        elif entry.is_dir(follow_symlinks=False):
            found.append(Path(entry.path))
    return found


def remove_folder(folder: Path) -> None:
    """Removes a folder, which is never there in part."""
    gone = folder.with_name(f"{_GONE}{uuid4().hex}")
    folder.rename(gone)
    shutil.rmtree(gone)
