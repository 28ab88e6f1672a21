"""Puts a new master key in place of the old one: what files still hold of deleted rows can't be read then."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from headrace.errors import TransientError
from headrace.subjects.keys import add_master, drop_old_masters
from headrace.subjects.subject_store import SubjectStore

SETTLE_S = 10.0
"""For longer than a write is under way, so that none with the old key comes after the last look."""
_ROUNDS = 5


class Rotated(NamedTuple):
    """How many rows were sealed anew, how many of erased subjects were deleted, and which master keys are gone."""

    resealed: int
    deleted: int
    dropped: tuple[str, ...]


def rotate(
    path: Path, store: SubjectStore, settle: float = SETTLE_S, pause: Callable[[float], None] = time.sleep
) -> Rotated:
    """Adds a master key, seals all rows with it, and drops the others when no row needs them.

    It can be killed at any time and called again. All edges must read this very file: where they have copies of it, do
    the steps by themselves (`add_master`, copy, `SubjectStore.reseal`, `drop_old_masters`, copy).

    Raises:
        TransientError: Cassandra does not answer, or an edge goes on sealing with an old key.
        ConfigurationError: the file can't be read or written.
    """
    current = add_master(path).current
    resealed = deleted = 0
    for _ in range(_ROUNDS):
        pause(settle)
        changed, gone = store.reseal()
        resealed, deleted = resealed + changed, deleted + gone
        if not changed and store.sealed_with().keys() <= {current}:
            store.end_commit_log()
            return Rotated(resealed, deleted, tuple(drop_old_masters(path)))
    raise TransientError(f"an edge goes on sealing with an old master key: does it read {path}?")
