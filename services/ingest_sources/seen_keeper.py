"""What `unique` has seen while rows are delivered: committed with them in the ledger, and read again from there."""

from collections.abc import Callable, Mapping

from headrace.streams.batch import OutRecord
from ingest_sources.into import LEDGER
from ingest_sources.rules.seen_keys import SeenKeys

SEEN_KEY = "seen"
"""In place of a file's SHA-256: `SOURCE/seen/WINDOW/SLOT`."""


class SeenKeeper:
    """The windows of one source.

    Args:
        windows: by a name that says which rule they are of.
        load: reads the committed records of the source: key → value.
    """

    def __init__(self, source: str, windows: Mapping[str, SeenKeys], load: Callable[[], Mapping[bytes, bytes]]) -> None:
        self._source = source
        self._windows = windows
        self._load = load
        self._is_loaded = False

    def begin(self) -> None:
        """Has the windows as they are after what was taken; before each attempt at a part.

        Raises:
            TransientError: the brokers don't say what is committed.
        """
        if self._is_loaded:
            for window in self._windows.values():
                window.undo()
            return
        found = self._load()
        for name, window in self._windows.items():
            prefix = self._key(name)
            slots = {int(key.removeprefix(prefix)): value for key, value in found.items() if key.startswith(prefix)}
            window.restore(slots)
        self._is_loaded = True

    def take(self) -> list[OutRecord]:
        """What is to be committed with the part."""
        return [
            OutRecord(LEDGER, self._key(name) + b"%d" % slot.number, slot.content)
            for name, window in self._windows.items()
            for slot in window.take()
        ]

    def clear(self) -> list[OutRecord]:
        """Forgets all keys; gives what is to be committed for it.

        Raises:
            TransientError: as `begin`.
        """
        self.begin()
        gone = [
            OutRecord(LEDGER, self._key(name) + b"%d" % number, None)
            for name, window in self._windows.items()
            for number in window.used()
        ]
        for window in self._windows.values():
            window.clear()
        return gone

    def forget(self) -> None:
        """Reads again what is committed: what was taken since may never have been."""
        self._is_loaded = False

    def _key(self, window: str) -> bytes:
        return f"{self._source}/{SEEN_KEY}/{window}/".encode()
