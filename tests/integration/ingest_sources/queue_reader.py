"""Reads a queue by its connector without Kafka: what a crash leaves of it is decided here, step by step."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ingest_sources.feeds.feed import Cursor, FeedPart
from ingest_sources.rabbitmq.rabbitmq_feed import RabbitmqFeed, rabbitmq_connector
from ingest_sources.rabbitmq.rabbitmq_source import RabbitmqOptions
from ingest_sources.rows import ROW


class QueueReader:
    """What is committed: rows by their column `id`, bad bodies, and the cursor."""

    def __init__(self, options: RabbitmqOptions) -> None:
        self.options = options
        self.rows: Counter[object] = Counter()
        self.bad: Counter[bytes] = Counter()
        self.numbers: list[int] = []
        self.cursor: Cursor | None = None

    @property
    def delivered(self) -> int:
        return self.rows.total() + self.bad.total()

    @contextmanager
    def feed(self) -> Iterator[tuple[RabbitmqFeed, Iterator[FeedPart]]]:
        """A connection of a new process, and its parts; closed at the end."""
        with closing(rabbitmq_connector(self.options, "guest")()) as feed:
            yield feed, (part for part in feed.parts(self.cursor) if part is not None)

    def commit(self, part: FeedPart) -> None:
        """What Kafka does."""
        for section in part.sections:
            table = section.rows.table
            self.numbers += [*table[ROW], *(row.number for row in section.rows.bad)]
            self.rows.update(table["id"].to_list() if "id" in table.columns else [])
            self.bad.update(row.original for row in section.rows.bad)
        self.cursor = part.cursor

    def take(self, feed: RabbitmqFeed, part: FeedPart) -> None:
        """Commits a part and says so."""
        self.commit(part)
        feed.committed(part)

    def read(self, count: int, dies: Callable[[], bool] = lambda: False) -> None:
        """Reads on until so many rows are committed and acknowledged, by a process that dies where it is told to."""
        with self.feed() as (feed, parts):
            for position, part in enumerate(parts):
                if dies():
                    return
                self.commit(part)
                if dies():
                    return
                feed.committed(part)
                # Each round is followed by a part that says that it is acknowledged.
                if dies() or (self.delivered >= count and position % 2):
                    return
