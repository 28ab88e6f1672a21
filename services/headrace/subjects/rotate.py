"""Puts a new master key in place of the old one: what files still hold of deleted rows can't be read then."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from headrace.errors import ConfigurationError, TransientError
from headrace.subjects.keys import add_master, drop_masters, read_secrets
from headrace.subjects.subject_store import SubjectStore

SETTLE_S = 10.0
"""For longer than a write is under way, so that none with the old key comes after the last look."""
_ROUNDS = 5


class Rotated(NamedTuple):
    """How many rows were sealed anew, how many were deleted, and which master keys are gone.

    Attributes:
        deleted: of subjects that were erased.
        given_up: of subjects whom nobody can read any more.
    """

    resealed: int
    deleted: int
    given_up: int
    dropped: tuple[str, ...]


def rotate(
    path: Path,
    store: SubjectStore,
    settle: float = SETTLE_S,
    pause: Callable[[float], None] = time.sleep,
    *,
    adds: bool = True,
    gives_up: bool = False,
) -> Rotated:
    """Adds a master key, seals all rows with it, and drops those that were there before when no row needs them.

    It can be killed at any time and called again. All edges must read this very file, or have a copy of it with the
    newest master key.

    Args:
        adds: False where the master key to seal with was added before.
        gives_up: deletes rows that are sealed with keys that the file lacks. Who had one is somebody new then.

    Raises:
        TransientError: Cassandra does not answer, another rotation is under way, an edge goes on sealing with an old
            key, or a row is sealed with a key that the file lacks.
        ConfigurationError: the file can't be read or written.
    """
    with one_rotation(path) as is_alone:
        if not is_alone:
            raise TransientError(f"another process is replacing the keys of {path}: ask again when it has ended")
        known = add_master(path) if adds else read_secrets(path)
        old = known.masters.keys() - {known.current}
        resealed = deleted = given_up = 0
        for _ in range(_ROUNDS):
            pause(settle)
            done = store.reseal(gives_up=gives_up)
            resealed, deleted = resealed + done.resealed, deleted + done.deleted
            given_up += sum(done.unreadable.values())
            if done.unreadable and not gives_up:
                raise TransientError(strange(path, done.unreadable))
            if not done.resealed and store.sealed_with().keys() <= {known.current}:
                store.end_commit_log()
                return Rotated(resealed, deleted, given_up, tuple(drop_masters(path, old)))
        raise TransientError(f"an edge goes on sealing with an old master key: does it read {path}?")


def strange(path: Path, unreadable: Mapping[str, int]) -> str:
    """What to do about rows that are sealed with keys that the file lacks."""
    return (
        f"{sum(unreadable.values())} subjects are sealed with master keys {', '.join(sorted(unreadable))}, which "
        f"{path} lacks: bring them there from a copy, or, where there is none, make strangers of these people by "
        "`headrace subjects rotate --give-up`"
    )


@contextmanager
def one_rotation(path: Path) -> Iterator[bool]:
    """Whether nobody else rotates the keys of this file; if so, nobody does until this ends.

    Raises:
        ConfigurationError: the lock beside the file can't be created.
    """
    lock = path.with_name(f"{path.name}.rotation")
    try:
        held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"the file {lock} can't be created: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(held)
