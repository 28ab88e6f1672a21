"""Deletes what was frozen of erased subjects: the snapshots with their rows, all made of these, and runs on them.

Versions stay: their artifacts hold no rows, and what they were trained on can't be had again.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

from headrace.errors import ConfigurationError
from headrace.subjects.erased import is_keyed_by_subject
from train_models.data.snapshots import SNAPSHOTS, Snapshot, load_snapshot
from train_models.old_trainings import folders_in, remove_folder, snapshot_of_run

SUBJECT = "subject"
"""The column of rows of such topics."""


def remove_erased(data: Path, read: Callable[[], AbstractSet[str]]) -> list[str]:
    """The hashes of the snapshots that were deleted. To be called while nobody trains; what is killed is done again.

    A snapshot of a topic about subjects goes where one of them is erased, or where it hasn't their column, as nobody
    could tell.

    Args:
        read: gives the erased subjects; asked where there are snapshots that it matters for.

    Raises:
        OSError: something can't be removed; it is tried again at the next time.
    """
    known = {snapshot.sha256: snapshot for snapshot in _snapshots(data)}
    asked = [snapshot for snapshot in known.values() if any(map(is_keyed_by_subject, snapshot.about.ranges))]
    erased = read() if asked else frozenset()
    gone = {snapshot.sha256 for snapshot in asked if erased and _is_about(snapshot, erased)}
    order = sorted(gone)
    while more := {name for name, snapshot in known.items() if gone & set(snapshot.about.parents)} - gone:
        gone |= more
        # What was made of others goes first: only by these is it known when this is killed and begun again.
        order = [*sorted(more), *order]
    for model in folders_in(data / "trainings"):
        for run in folders_in(model):
            if snapshot_of_run(run) in gone:
                remove_folder(run)
    for sha256 in order:
        remove_folder(known[sha256].folder)
    return sorted(gone)


def _snapshots(data: Path) -> list[Snapshot]:
    found = []
    for folder in folders_in(data / SNAPSHOTS):
        try:
            found.append(load_snapshot(folder.name, data, verify=False))
        except ConfigurationError:
            # One that is being made, or was made by another version.
            continue
    return found


def _is_about(snapshot: Snapshot, erased: AbstractSet[str]) -> bool:
    if SUBJECT not in snapshot.columns:
        return True
    return any(not erased.isdisjoint(batch.column(0).to_pylist()) for batch in snapshot.batches([SUBJECT]))
