"""Says when to look into a folder again: when something changed there, and now and then without a change."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from watchfiles import watch

log = logging.getLogger(__name__)


class FolderChanges:
    """Gives one item at once, and one for each time to look, until `stop` is set.

    Args:
        every_s: longest time between two looks: network file systems tell of no changes, and a file is whole only some
            time after its last one.
    """

    def __init__(self, folder: Path, every_s: float, stop: threading.Event) -> None:
        self._folder = folder
        self._every_s = every_s
        self._stop = stop

    def __iter__(self) -> Iterator[None]:
        yield None
        try:
            yield from self._told()
        except OSError as error:
            log.warning("the system tells of no changes, so the folder is looked into instead: %s", error)
            yield from self._timed()

    def _told(self) -> Iterator[None]:
        changes = watch(
            self._folder,
            stop_event=self._stop,
            rust_timeout=round(self._every_s * 1_000),
            yield_on_timeout=True,
            recursive=False,
            raise_interrupt=False,
            debounce=400,
            step=50,
        )
        for _ in changes:
            if self._stop.is_set():
                return
            yield None

    def _timed(self) -> Iterator[None]:
        while not self._stop.wait(self._every_s):
            yield None
