"""A source of kind `changes` without a Kafka: what is committed, and where it is then."""

import json
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import pytest

from headrace.clock import SystemClock
from headrace.errors import ConfigurationError
from ingest_sources.changes.changes_feed import ChangesFeed
from ingest_sources.changes.changes_source import ChangesOptions, parameters_of
from ingest_sources.feeds.feed import Cursor, FeedPart
from tests.integration.ingest_sources.changed_table import ChangedTable

PASSWORD = "headrace"  # noqa: S105 - of the native stack


def options_of(table: ChangedTable, **changes: object) -> dict[str, object]:
    parts = urlsplit(table.url)
    url = urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}"))
    own = {"url": url, "password_secret": "shop", "table": f"public.{table.name}", "slot": table.slot}
    return {**own, "publication": table.name, **changes}


class Reader:
    """Reads a table without a Kafka: what is committed, and where it is then."""

    def __init__(self, table: ChangedTable, **options: object) -> None:
        self.table = table
        self.cursor: Cursor | None = None
        self.rows: list[dict[str, object]] = []
        self.details: list[str] = []
        self.options = ChangesOptions.model_validate(options_of(table, **options))

    def feed(self, **parameters: str) -> ChangesFeed:
        given = {**parameters_of(self.options.url), "password": PASSWORD, **parameters}
        return ChangesFeed(self.options, self.table.slot, self.table.name, given, SystemClock(), status_s=0.2)

    def read(self, rows: int) -> None:
        """Reads until so many rows, refused ones among them, are committed."""
        count = 0
        with closing(self.feed()) as feed:
            for part in feed.parts(self.cursor):
                if part is not None:
                    count += self.commit(feed, part)
                if count >= rows and self.streams:
                    break
        assert count == rows

    def read_to(self, key: object) -> None:
        """Reads until a row of that id is committed."""
        with closing(self.feed()) as feed:
            for part in feed.parts(self.cursor):
                if part is not None:
                    self.commit(feed, part)
                if self.streams and any(row["id"] == key for row in self.rows[-1:]):
                    return

    def commit(self, feed: ChangesFeed, part: FeedPart) -> int:
        self.cursor = json.loads(json.dumps(part.cursor))
        before = len(self.rows) + len(self.details)
        for section in part.sections:
            self.rows += section.rows.table.to_dicts()
            self.details += [bad.detail for bad in section.rows.bad]
        feed.committed(part)
        return len(self.rows) + len(self.details) - before

    @property
    def streams(self) -> bool:
        if self.cursor is None:
            return False
        snapshot = self.cursor.get("snapshot")
        return snapshot is None or (bool(snapshot["runs"]) and snapshot["runs"][-1]["upto"] is None)

    def refused(self, error: type[Exception] = ConfigurationError) -> str:
        """What it says when it can't go on."""
        with closing(self.feed()) as feed, pytest.raises(error) as raised:
            for _ in feed.parts(self.cursor):
                pass
        return str(raised.value)
