"""What became of each file and how far each feed is: a compacted topic, written in the transactions of the rows.

So a position and its rows are committed together or not at all, and any machine can go on where another stopped.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from headrace.compacted_topic import read_compacted
from headrace.errors import ConfigurationError
from headrace.streams.batch import OutRecord
from ingest_sources.feeds.feed_entry import FEED_KEY, FeedEntry
from ingest_sources.into import LEDGER
from ingest_sources.seen_keeper import SEEN_KEY

State = Literal["loading", "done", "refused"]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One content of one source; the same bytes under another name are the same entry.

    Attributes:
        source, sha256: its identity.
        file: the name under which it came first.
        size: bytes.
        position: number of the last row that is worked off; a restart goes on after it.
        delivered, rejected, dropped: rows in the source's topic, in the dead letters, and left out by a `filter`.
        read: what the source says of how it is read, so that nobody goes on at a row that means another one now.
        detail: why it was refused.
        begun_us, changed_us: microseconds UTC.
    """

    source: str
    sha256: str
    file: str
    size: int
    position: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    state: State = "loading"
    read: str = ""
    detail: str = ""
    begun_us: int = 0
    changed_us: int = 0

    @property
    def key(self) -> bytes:
        """That of its record."""
        return f"{self.source}/{self.sha256}".encode()

    def record(self) -> OutRecord:
        """Its record in the topic."""
        return OutRecord(LEDGER, self.key, msgspec.json.encode(self))


OnNote = Callable[[FileEntry, FileEntry | None], None]


def _unheard(entry: FileEntry, before: FileEntry | None) -> None:
    """The default of `on_note`."""


class Ledger:
    """The entries of one source, as they are committed.

    Args:
        on_note: told each committed entry, and the one before it.
    """

    def __init__(self, source: str, entries: Iterable[FileEntry] = (), on_note: OnNote = _unheard) -> None:
        self.source = source
        self._on_note = on_note
        self._entries = {entry.sha256: entry for entry in entries if entry.source == source}

    @property
    def entries(self) -> list[FileEntry]:
        """All entries, in the order in which they began."""
        return sorted(self._entries.values(), key=lambda entry: entry.begun_us)

    def entry(self, sha256: str) -> FileEntry | None:
        """That of a content, or None: it never came."""
        return self._entries.get(sha256)

    def note(self, entry: FileEntry) -> None:
        """Keeps an entry that was committed."""
        before = self._entries.get(entry.sha256)
        self._entries[entry.sha256] = entry
        self._on_note(entry, before)


def read_entries(brokers: str, source: str = "") -> list[FileEntry]:
    """The entries of files, of one source or of all, as `read_ledger`."""
    return [entry for entry in read_ledger(brokers, source) if isinstance(entry, FileEntry)]


def read_feed(brokers: str, source: str) -> FeedEntry | None:
    """That of a feed, or None: it never delivered anything; as `read_ledger`."""
    return next((entry for entry in read_ledger(brokers, source) if isinstance(entry, FeedEntry)), None)


def read_ledger(brokers: str, source: str = "") -> list[FileEntry | FeedEntry]:
    """All of what was committed before the call, of one source or of all; waits for transactions that are open.

    Raises:
        TransientError: the brokers don't answer, or a transaction stays open for half a minute.
        ConfigurationError: a later version of Headrace wrote an entry.
    """
    found = _read(brokers, f"{source}/".encode() if source else b"").items()
    return [_decode(key, value) for key, value in found if key.count(b"/") == 1]


def read_seen(brokers: str, source: str) -> dict[bytes, bytes]:
    """What the rules of a source have seen, as `SeenKeeper` writes it: key → value; as `read_ledger`."""
    return _read(brokers, f"{source}/{SEEN_KEY}/".encode())


def _read(brokers: str, prefix: bytes) -> dict[bytes, bytes]:
    return {key: message.value() or b"" for key, message in read_compacted(brokers, LEDGER, prefix).items()}


def _decode(key: bytes, value: bytes) -> FileEntry | FeedEntry:
    is_feed = key.endswith(f"/{FEED_KEY}".encode())
    try:
        return msgspec.json.decode(value, type=FeedEntry) if is_feed else msgspec.json.decode(value, type=FileEntry)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            f"{LEDGER} holds an entry that this version can't read ({error}): run the version that wrote it, or a later"
        ) from error
