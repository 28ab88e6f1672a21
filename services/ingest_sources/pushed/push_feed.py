"""Reads what was pushed for one source from Headrace's own Kafka, each push once."""

import time
from collections.abc import Iterator

from confluent_kafka import Message

from headrace.pushed import TOPIC
from ingest_sources.feeds.feed import Cursor, FeedPart, Section
from ingest_sources.kafka_topics.topic_reader import TopicReader, sample_of
from ingest_sources.pushed.inbox import Inbox
from ingest_sources.pushed.push_source import PushSource

_BATCH = 64
"""Pushes; each may have 0.9 MB."""
_PART_BYTES = 4 << 20
_PART_S = 0.2
"""Bodies that are delivered at once have no more bytes than that, and take no longer to be read, but for one."""
_FOREIGN_S = 30.0
"""So often its place is committed where only pushes of other sources come, or such that came before."""


class PushFeed:
    """The pushes of a source in the order in which serve_api took them.

    It reads the topic, in which are those of all sources, and looks into its own alone. A cursor holds the next offsets
    and where reading begins after a start, so that the ids that came before are known (`Remembered`).
    """

    def __init__(self, source: PushSource, brokers: str) -> None:
        self._source = source
        self._reader = TopicReader(brokers, [TOPIC], f"headrace.{source.name}", "earliest", {})

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        known: Cursor = cursor or {"offsets": {}, "since": {}}
        offsets = self._reader.begin(known["offsets"], known["since"])
        inbox = Inbox(self._source.name, self._source.push, offsets, known.get("disputed", {}))
        given, given_at = inbox.cursor(), time.monotonic()
        for messages in self._reader.messages(_BATCH):
            for part in _parts(inbox, messages):
                given, given_at = inbox.cursor(), time.monotonic()
                yield part
            if inbox.cursor() != given and time.monotonic() - given_at > _FOREIGN_S:
                given, given_at = inbox.cursor(), time.monotonic()
                yield FeedPart((), given)
            else:
                yield None

    def committed(self, part: FeedPart) -> None:
        # These show the lag to people and mean nothing to Headrace.
        self._reader.commit(part.cursor["offsets"])

    def sample(self) -> FeedPart | None:
        return sample_of(self.parts(None))

    def close(self) -> None:
        self._reader.close()


def _parts(inbox: Inbox, messages: list[Message]) -> Iterator[FeedPart]:
    """What messages give, as parts of a bounded size."""
    sections: list[Section] = []
    size, begun = 0, time.monotonic()
    for message in messages:
        if found := inbox.take(message):
            sections += found
            size += len(message.value() or b"")
        if sections and (size > _PART_BYTES or time.monotonic() - begun > _PART_S):
            yield FeedPart(tuple(sections), inbox.cursor())
            sections, size, begun = [], 0, time.monotonic()
    if sections:
        yield FeedPart(tuple(sections), inbox.cursor())
