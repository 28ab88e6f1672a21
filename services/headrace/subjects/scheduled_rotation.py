"""Rotates the master key by itself, so that no key of an erased person can be read two days later.

At each look, what is due is done; the file of keys says how far it is, so any process may go on at any time:

1. Where somebody was erased a day ago and what their row was sealed with is still there, a new master key is added.
2. All rows are sealed with it, a few at a time.
3. An hour after it was made, when no row needs the former ones, these are destroyed: until then also an edge that was
   stopped in the middle of a write can be waited for.
"""

import logging
import threading
from pathlib import Path

from headrace.clock import MICROSECONDS, Clock, SystemClock
from headrace.errors import HeadraceError, TransientError
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import Secrets, add_master, drop_masters, read_secrets
from headrace.subjects.rotate import one_rotation, strange
from headrace.subjects.subject_store import SubjectStore

HOUR_US = 3_600 * MICROSECONDS
AFTER_US = 24 * HOUR_US
"""An erasure waits so long for others, as each rotation writes all rows anew."""
GRACE_US = HOUR_US
SLACK_US = 60 * MICROSECONDS
"""A row is deleted within this after its erasure was written, or later by a rotation itself."""
_LOOK_S = 600.0
_PAUSE_S = 0.5
"""After each few rows, since others answer requests meanwhile."""
_STOP_S = 5.0
_log = logging.getLogger(__name__)


class ScheduledRotation:
    """On a thread of its own, in a process that may write the file which all edges read.

    Args:
        path: of the keys.
        erased: followed by the caller.
        pause: seconds after each few rows that were sealed anew.
    """

    def __init__(
        self,
        path: Path,
        store: SubjectStore,
        erased: ErasedSubjects,
        clock: Clock | None = None,
        pause: float = _PAUSE_S,
    ) -> None:
        self._path = path
        self._store = store
        self._erased = erased
        self._clock = clock or SystemClock()
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rotates subject keys", daemon=True)

    def start(self) -> None:
        """Begins to look, now and every ten minutes."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, also amid a rotation, which the next process goes on with."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def look(self) -> None:
        """Does what is due, unless another process does it.

        Raises:
            TransientError: Cassandra does not answer, or rows are sealed with keys that the file lacks.
            ConfigurationError: the file can't be read or written.
        """
        if not self._erased.is_read:
            return
        with one_rotation(self._path) as is_alone:
            known = read_secrets(self._path)
            if not is_alone:
                return
            if len(known.masters) > 1:
                self._finish(known)
            elif self._is_due(known):
                add_master(self._path, self._clock)

    def _is_due(self, known: Secrets) -> bool:
        oldest = oldest_readable(known, self._erased)
        return oldest is not None and self._clock.now_us() - oldest >= AFTER_US

    def _finish(self, known: Secrets) -> None:
        done = self._store.reseal(self._wait)
        if done.unreadable:
            raise TransientError(strange(self._path, done.unreadable))
        age = self._clock.now_us() - known.made.get(known.current, 0)
        if age >= GRACE_US and not done.resealed and self._store.sealed_with().keys() <= {known.current}:
            dropped = drop_masters(self._path, known.masters.keys() - {known.current})
            _log.info("master keys of subjects destroyed", extra={"keys": dropped})

    def _wait(self) -> None:
        if self._stopping.wait(self._pause):
            raise TransientError("the process is being stopped")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except HeadraceError as error:
                if not self._stopping.is_set():
                    _log.warning("the master key of subjects can't be replaced now", extra={"problem": str(error)})
            self._stopping.wait(_LOOK_S)


def oldest_readable(known: Secrets, erased: ErasedSubjects) -> int | None:
    """When the first of those was erased whose sealed row a key of the file would still open, microseconds UTC."""
    return erased.oldest_since(known.readable_since - SLACK_US)
