"""Reads topics of a Kafka from offsets that its caller keeps."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.errors import ConfigurationError, TransientError
from headrace.kafka import consumer_config, is_final, offset_of
from ingest_sources.feeds.feed import FeedPart

Start = Literal["earliest", "latest"]
_ANSWER_S = 20.0
_MOMENT_S = 0.2
_SILENCE_S = 60.0
_SAMPLE_S = 5.0
_BEGIN: Mapping[Start, int] = {"earliest": 0, "latest": 1}
_SETTINGS: dict[str, Any] = {
    # What was deleted before it was read is an error that somebody sees, not a jump that nobody does.
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 32_768,
}


class TopicReader:
    """All partitions of some topics, whichever there are when it begins. Partitions are named `topic/number`.

    Args:
        group: whose offsets `commit` sets; no partitions are shared out by it.
        start: where a partition is begun that has no offset.
        settings: of librdkafka.
    """

    def __init__(
        self, brokers: str, topics: Sequence[str], group: str, start: Start, settings: Mapping[str, Any]
    ) -> None:
        self._brokers = brokers
        self._topics = topics
        self._start = start
        self._some_partition = ""
        self._passed: dict[str, int] = {}
        try:
            self._consumer = Consumer(consumer_config(brokers, group, **{**_SETTINGS, **settings}))
        except KafkaException as error:
            raise ConfigurationError(f"librdkafka does not take these settings: {error.args[0].str()}") from error

    def begin(self, offsets: Mapping[str, int], again: Mapping[str, int] | None = None) -> dict[str, int]:
        """Goes to the next offsets; returns those of all partitions. What is of other topics is left out.

        Args:
            again: lower ones, where reading begins instead; as much of it as there still is.

        Raises:
            TransientError: the brokers are away.
            ConfigurationError: what was not read yet is not there any more, or may not be read.
        """
        found: dict[str, int] = {}
        places = []
        for name in self._partitions():
            low, high = self._ends(name)
            offset = found[name] = offsets.get(name, (low, high)[_BEGIN[self._start]])
            if not low <= offset <= high:
                raise ConfigurationError(
                    f"{name} has offsets {low} to {high} and its next was {offset}: records were deleted before they "
                    "were read, or it is another topic of that name. headrace sources backfill reads what is there"
                )
            places.append(_position(name, max(low, min(offset, (again or {}).get(name, offset)))))
        self._some_partition = next(iter(found))
        self._passed.clear()
        self._consumer.assign(places)
        return found

    def messages(self, count: int) -> Iterator[list[Message]]:
        """Messages as they come, at most `count` at once; none where nothing came within 0.2 s. Never ends.

        Raises:
            TransientError, ConfigurationError: as `begin`.
        """
        heard = time.monotonic()
        while True:
            messages = [self._checked(message) for message in self._consumer.consume(count, _MOMENT_S)]
            good = [message for message in messages if message is not None]
            if good:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE_S:
                # librdkafka reconnects by itself and says nothing about it: somebody should see that it can't.
                self._ends(self._some_partition)
                heard = time.monotonic()
            yield good

    def passed(self, offsets: Mapping[str, int]) -> dict[str, int]:
        """The next offsets, past what is no record at the end of a log.

        There the ends of transactions are. They count as read: once all before is deleted, a log begins after them.
        """
        return {name: max(offset, self._passed.get(name, 0)) for name, offset in offsets.items()}

    def commit(self, offsets: Mapping[str, int]) -> None:
        """Shows how far its caller is; waits for no answer."""
        self._consumer.commit(offsets=[_position(name, offset) for name, offset in offsets.items()])

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()

    def _partitions(self) -> list[str]:
        found = []
        for topic in self._topics:
            try:
                meta = self._consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic]
            except KafkaException as error:
                raise _error(error.args[0], f"{self._brokers} does not answer") from error
            if meta.error is not None:
                raise _error(meta.error, f"topic {topic} can't be read")
            found += [f"{topic}/{number}" for number in sorted(meta.partitions)]
        return found

    def _ends(self, name: str) -> tuple[int, int]:
        try:
            low, high = self._consumer.get_watermark_offsets(_position(name, 0), timeout=_ANSWER_S)
            return int(low), int(high)
        except (KafkaException, TypeError) as error:
            raise TransientError(f"{self._brokers} does not say where {name} ends: {error}") from error

    def _checked(self, message: Message) -> Message | None:
        error = message.error()
        if error is None:
            return message
        if error.code() == KafkaError._PARTITION_EOF:
            self._passed[place_of(message)] = offset_of(message)
            return None
        if error.code() == KafkaError._AUTO_OFFSET_RESET or is_final(error):
            raise ConfigurationError(f"{place_of(message)} can't be read on: {error.str()}")
        # The client mends it by itself: a broker that is away or starting.
        return None


def sample_of(parts: Iterable[FeedPart | None]) -> FeedPart | None:
    """The first part with rows; what there is where none came within some seconds."""
    deadline = time.monotonic() + _SAMPLE_S
    for part in parts:
        if (part is not None and part.sections) or time.monotonic() > deadline:
            return part
    return None


def place_of(message: Message) -> str:
    """The partition of a message, as `topic/number`."""
    return f"{message.topic()}/{message.partition()}"


def _position(name: str, offset: int) -> TopicPartition:
    topic, _, partition = name.rpartition("/")
    return TopicPartition(topic, int(partition), offset)


def _error(error: KafkaError, what: str) -> Exception:
    if is_final(error):
        return ConfigurationError(f"{what}: {error.str()}")
    return TransientError(f"{what}: {error.str()}")
