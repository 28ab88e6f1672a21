"""Copies what is new in an object store into a source's folder, where it is a file like any other.

What was copied is noted in the folder. Should the note be lost, objects are copied again and known by their bytes.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase

from headrace.clock import Clock
from headrace.errors import ConfigurationError, TransientError
from ingest_sources.files.object_store import ObjectChanged, ObjectStore, StoredObject
from ingest_sources.files.watched_folder import WatchedFolder

FETCHING, FETCHED = ".fetching", ".fetched"
log = logging.getLogger(__name__)


class ObjectFetch:
    """The objects of one source.

    Args:
        folder: the source's, prepared before the first look.
        pattern: of the last parts of names.
        every_s: seconds between two looks into the store.
    """

    def __init__(self, store: ObjectStore, folder: WatchedFolder, pattern: str, every_s: float, clock: Clock) -> None:
        self._store = store
        self._folder = folder
        self._pattern = pattern
        self._every_s = every_s
        self._clock = clock
        self._due = 0.0
        self._known: dict[str, str] | None = None
        self._problem: TransientError | ConfigurationError | None = None

    def fetch(self, is_ending: Callable[[], bool]) -> Iterator[str]:
        """Copies new objects if it is time, one at a time, and has the folder take them; gives each name.

        Raises:
            TransientError: the store does not answer, or the disk is nearly full; what was copied stays. It is raised
                at each call until the next look.
            ConfigurationError: the store refuses; likewise.
            OSError: the folder can't be used.
        """
        if self._clock.monotonic() < self._due:
            if self._problem:
                raise self._problem
            return
        self._due = self._clock.monotonic() + self._every_s
        self._problem = None
        try:
            yield from self._fetch(is_ending)
        except (TransientError, ConfigurationError) as error:
            self._problem = error
            raise

    def _fetch(self, is_ending: Callable[[], bool]) -> Iterator[str]:
        known = self._read_known()
        objects = [each for each in self._store.objects() if fnmatchcase(each.name.rpartition("/")[2], self._pattern)]
        for each in objects:
            if is_ending():
                return
            if known.get(each.name) != each.identity and self._take(each):
                known[each.name] = each.identity
                yield each.name
        gone = known.keys() - {each.name for each in objects}
        if gone:
            self._write_known({name: identity for name, identity in known.items() if name not in gone})

    def _take(self, wanted: StoredObject) -> bool:
        copies = self._folder.path / FETCHING
        copies.mkdir(exist_ok=True)
        copy = copies / "object"
        # Of a process that was ended amid it.
        copy.unlink(missing_ok=True)
        try:
            self._store.copy(wanted, copy)
        except ObjectChanged:
            log.warning("an object was replaced while it was copied", extra={"object": wanted.name})
            return False
        self._folder.take_in(copy, wanted.name.replace("/", "__"))
        # After that: killed in between, it is copied once more and known by its bytes.
        with (self._folder.path / FETCHED).open("a") as note:
            note.write(json.dumps([wanted.name, wanted.identity]) + "\n")
        log.info("an object was copied", extra={"object": wanted.name, "bytes": wanted.size})
        return True

    def _read_known(self) -> dict[str, str]:
        if self._known is None:
            self._known = {}
            with suppress(FileNotFoundError), (self._folder.path / FETCHED).open() as note:
                for line in note:
                    # The last line may be cut off.
                    with suppress(ValueError):
                        name, identity = json.loads(line)
                        self._known[name] = identity
        return self._known

    def _write_known(self, known: dict[str, str]) -> None:
        new = self._folder.path / f"{FETCHED}.new"
        new.write_text("".join(json.dumps([name, identity]) + "\n" for name, identity in known.items()))
        new.replace(self._folder.path / FETCHED)
        self._known = known
