"""How far a feed is: its one record in the ledger."""

from typing import Any

import msgspec

from headrace.streams.batch import OutRecord
from ingest_sources.into import LEDGER

FEED_KEY = "feed"
"""In place of a file's SHA-256."""


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    kind: of the source; only a connector of this kind can read its cursor.
    cursor: the connector's position; None is the beginning.
    delivered, rejected, dropped: rows in the source's topic, in the dead letters, and left out by a `filter`.
    run_us: when the last run that came to its end began, microseconds UTC; streams have none.
    changed_us: microseconds UTC.
    """

    source: str
    kind: str = ""
    cursor: dict[str, Any] | None = None
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    run_us: int = 0
    changed_us: int = 0

    @property
    def key(self) -> bytes:
        """That of its record."""
        return f"{self.source}/{FEED_KEY}".encode()

    def record(self) -> OutRecord:
        """Its record in the topic."""
        return OutRecord(LEDGER, self.key, msgspec.json.encode(self))
