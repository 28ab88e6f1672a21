"""Reads topics of a Kafka; where it is, is in Headrace's ledger, so a record counts once."""

import time
from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import Message

from headrace.kafka import offset_of
from ingest_sources.feeds.feed import Cursor, FeedPart, Section
from ingest_sources.feeds.message_rows import json_rows
from ingest_sources.kafka_topics.kafka_source import KafkaOptions
from ingest_sources.kafka_topics.topic_reader import TopicReader, place_of, sample_of

_PASSED_S = 30.0
"""So often a place without a record is delivered."""


class KafkaFeed:
    """All partitions of the topics, read from the ledger's offsets; new partitions and topics at a new connection.

    Args:
        group: see `KafkaOptions`.
        settings: of librdkafka, with secrets in their places.
    """

    def __init__(self, options: KafkaOptions, group: str, settings: Mapping[str, str]) -> None:
        self._options = options
        self._reader = TopicReader(options.brokers, options.topics, group, options.start, settings)

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        offsets = self._reader.begin(cursor or {})
        given_at = time.monotonic()
        for messages in self._reader.messages(self._options.batch_records):
            if messages:
                given_at = time.monotonic()
                yield self._part(messages, offsets)
            elif time.monotonic() - given_at > _PASSED_S and self._reader.passed(offsets) != offsets:
                given_at = time.monotonic()
                offsets.update(self._reader.passed(offsets))
                yield FeedPart((), dict(offsets))
            else:
                yield None

    def committed(self, part: FeedPart) -> None:
        # These show the lag at the other cluster and mean nothing to Headrace.
        self._reader.commit(part.cursor)

    def sample(self) -> FeedPart | None:
        return sample_of(self.parts(None))

    def close(self) -> None:
        self._reader.close()

    def _part(self, messages: Sequence[Message], offsets: dict[str, int]) -> FeedPart:
        bodies: dict[str, list[tuple[int, bytes]]] = {}
        for message in messages:
            name = place_of(message)
            offsets[name] = offset_of(message) + 1
            if (value := message.value()) is not None:
                bodies.setdefault(name, []).append((offset_of(message), value))
        sections = [Section(name, rows) for name, found in bodies.items() for rows in json_rows(found)]
        return FeedPart(tuple(sections), dict(offsets))
