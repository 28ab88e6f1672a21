"""Works through what lies in a source's folder: takes each whole file, loads it once, and puts it away."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from headrace.clock import Clock
from headrace.errors import TransientError
from ingest_sources.file_loader import FileLoader
from ingest_sources.ledger import FileEntry, Ledger
from ingest_sources.watched_folder import OpenFile, UnfitFile, WatchedFolder, open_claimed

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

    def work_off(self) -> int:
        """Loads what a former run had taken, then every file that is whole; returns how many files that were.

        Raises:
            ProducerLost: the process must end; a file that was taken is loaded on by the next.
        """
        count = 0
        for path in self._to_load():
            if self._is_ending():
                break
            self._handle(path)
            count += 1
        return count

    def take_again(self, pattern: str) -> int:
        """Takes files that are done, to be loaded from their beginnings by `work_off`; returns how many that are.

        Killed in between, a file that was taken and not forgotten goes back as it is.
        """
        paths = [self._folder.claim_archived(path) for path in self._folder.archived(pattern)]
        for path in paths:
            with closing(open_claimed(path)) as file:
                if entry := self._ledger.entry(file.sha256):
                    self._loader.forget(entry)
        return len(paths)

    def _to_load(self) -> Iterator[Path]:
        yield from self._folder.claimed()
        for name in self._folder.whole():
            if (path := self._folder.claim(name)) is not None:
                yield path

    def _handle(self, path: Path) -> None:
        try:
            file = open_claimed(path)
        except UnfitFile as unfit:
            error = unfit
        else:
            with closing(file):
                self._until_done(lambda: self._load(file))
            return
        self._until_done(lambda: self._put_away_unfit(path, error))

    def _load(self, file: OpenFile) -> None:
        name = file.path.name
        entry = self._ledger.entry(file.sha256)
        if entry is not None and entry.state == "done":
            self._folder.archive(file.path)
            self._on_file(name, "repeated", entry)
            return
        if entry is None:
            source, now = self._ledger.source, self._clock.now_us()
            entry = FileEntry(source=source, sha256=file.sha256, file=name, size=file.size, begun_us=now)
        entry = self._loader.load(file, entry)
        if entry.state == "loading":
            return
        if entry.state == "done":
            self._folder.archive(file.path)
            self._on_file(name, "done", entry)
        else:
            self._folder.quarantine(file.path, entry.detail)
            self._on_file(name, "refused", entry)

    def _put_away_unfit(self, path: Path, error: UnfitFile) -> None:
        self._loader.refuse_unopened(path.name, error)
        self._folder.quarantine(path, error.detail)
        self._on_file(path.name, "refused", None)

    def _until_done(self, call: Callable[[], None]) -> None:
        wait_s = 0.2
        while True:
            try:
                call()
                return
            except TransientError as error:
                log.warning(
                    "a file is loaded on after a failure", extra={"source": self._ledger.source}, exc_info=error
                )
                self._loader.abort()
                if self._wait(wait_s):
                    return
                wait_s = min(2 * wait_s, 10.0)
