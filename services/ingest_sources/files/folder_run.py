"""Works through what lies in a source's folder: takes each whole file, loads it once, and puts it away."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from headrace.clock import Clock
from headrace.errors import TransientError
from ingest_sources.files.file_loader import FileLoader
from ingest_sources.files.watched_folder import OpenFile, UnfitFile, WatchedFolder, open_claimed, shown
from ingest_sources.ledger import FileEntry, Ledger

Outcome = Literal["done", "refused", "repeated"]
OnFile = Callable[[str, Outcome, FileEntry | None], None]
"""Told each file by name, what became of it, and its entry if it has one."""
log = logging.getLogger(__name__)


class FolderRun:
    """One source's folder, loader and ledger.

    Args:
        wait: waits for so many seconds, or less when the run is to end; returns whether it is.
    """

    def __init__(
        self,
        folder: WatchedFolder,
        loader: FileLoader,
        ledger: Ledger,
        clock: Clock,
        wait: Callable[[float], bool],
        is_ending: Callable[[], bool],
        on_file: OnFile,
    ) -> None:
        self._folder = folder
        self._loader = loader
        self._ledger = ledger
        self._clock = clock
        self._wait = wait
        self._is_ending = is_ending
        self._on_file = on_file
        self._refused: dict[Path, str] = {}

    def work_off(self) -> int:
        """Loads what a former run had taken, then every file that is whole; returns how many were put away.

        Raises:
            ProducerLost: the process must end; a file that was taken is loaded on by the next.
            OSError: the folder can't be used.
        """
        count = 0
        for path in self._to_load():
            if self._is_ending():
                break
            try:
                count += self._handle(path)
            except OSError as error:
                # It stays taken and is tried again at the next look; others go on.
                log.error("a file can't be used", extra=self._of(path), exc_info=error)
        return count

    def take_again(self, pattern: str) -> int:
        """Takes files that are done, to be loaded from their beginnings by `work_off`; returns how many that are.

        Killed in between, a file is forgotten and still in the archive: the same command takes it then.
        """
        count = 0
        for path in self._folder.archived(pattern):
            try:
                with closing(open_claimed(path)) as file:
                    if entry := self._ledger.entry(file.sha256):
                        self._loader.forget(entry)
            except (UnfitFile, OSError) as error:
                log.error("a file of the archive is left there", extra=self._of(path), exc_info=error)
                continue
            self._folder.claim_archived(path)
            count += 1
        return count

    def _to_load(self) -> Iterator[Path]:
        yield from self._folder.claimed()
        for name in self._folder.whole():
            try:
                path = self._folder.claim(name)
            except OSError as error:
                log.error("a file can't be taken", extra=self._of(Path(name)), exc_info=error)
                continue
            if path is not None:
                yield path

    def _handle(self, path: Path) -> bool:
        """Returns whether the file was put away; it is not when the run ends before, or when it is gone."""
        if path in self._refused:
            # It was refused, and could not be moved then: not once more into the dead letters.
            return self._put_away(path, "refused", None, self._refused[path])
        try:
            file = open_claimed(path)
        except FileNotFoundError:
            return False
        except UnfitFile as error:
            unfit = error
        else:
            with closing(file):
                return self._load(file)
        if not self._until_done(lambda: self._loader.refuse_unopened(path.name, unfit)):
            return False
        return self._put_away(path, "refused", None, unfit.detail)

    def _load(self, file: OpenFile) -> bool:
        entry = self._ledger.entry(file.sha256)
        if entry is not None and entry.state == "done":
            return self._put_away(file.path, "repeated", entry)
        if not self._until_done(lambda: self._loader.load(file, self._entry(file))):
            return False
        entry = self._ledger.entry(file.sha256)
        if entry is None or entry.state == "loading":
            return False
        outcome: Outcome = "done" if entry.state == "done" else "refused"
        return self._put_away(file.path, outcome, entry, entry.detail)

    def _entry(self, file: OpenFile) -> FileEntry:
        """As it is committed: a retry goes on where the last commit was."""
        return self._ledger.entry(file.sha256) or FileEntry(
            source=self._ledger.source,
            sha256=file.sha256,
            file=shown(file.path.name),
            size=file.size,
            begun_us=self._clock.now_us(),
        )

    def _put_away(self, path: Path, outcome: Outcome, entry: FileEntry | None, why: str = "") -> bool:
        if outcome == "refused":
            self._refused[path] = why
            self._folder.quarantine(path, why)
            del self._refused[path]
        else:
            self._folder.archive(path)
        self._on_file(shown(path.name), outcome, entry)
        return True

    def _of(self, path: Path) -> dict[str, str]:
        return {"source": self._ledger.source, "file": shown(path.name)}

    def _until_done(self, call: Callable[[], object]) -> bool:
        """Repeats a call until it is done or the run ends; returns whether it is done."""
        wait_s = 0.2
        while True:
            try:
                call()
                return True
            except TransientError as error:
                source = self._ledger.source
                log.warning("a file is loaded on after a failure", extra={"source": source}, exc_info=error)
                self._loader.abort()
            except OSError:
                self._loader.abort()
                raise
            if self._wait(wait_s):
                return False
            wait_s = min(2 * wait_s, 10.0)
