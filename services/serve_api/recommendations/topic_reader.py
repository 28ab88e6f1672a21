"""Reads topics on a thread of its own, from whenever Kafka is there; requests are answered before that."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.kafka import consumer_config, is_final, offset_of

SLICE = 50
"""Records that are taken at once: between slices the event loop gets the interpreter, so no burst holds requests up."""
_GATHER_S = 0.005
_LOOK_S = 0.2
_ASK_S = 1.0
_PAUSE_S = 0.5
_STOP_S = 5.0
_SETTINGS = {
    # Offsets without a record lie where a transaction ended, so the end shows by this alone.
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 100,
    # Of two consumers; what was fetched and not taken yet.
    "queued.max.messages.kbytes": 8_192,
}
_logger = logging.getLogger(__name__)

Take = Callable[[Sequence[Message]], None]


@dataclass(frozen=True)
class Followed:
    """A topic and who is told of its records, on the reader's thread.

    Attributes:
        take: gets at most `SLICE` records, each partition's in order; a value of None deletes its key.
        tail: where set, only about so many of the newest records are read of what is there at the start.
        may_begin: asked until it is true; before that nothing of the topic is read.
    """

    topic: str
    take: Take
    tail: int | None = None
    may_begin: Callable[[], bool] = lambda: True


class TopicReader:
    """Follows topics in no group: each process reads all. A topic that isn't there yet is asked for again."""

    def __init__(self, brokers: str, name: str, followed: Sequence[Followed]) -> None:
        self._config = consumer_config(brokers, "followers-are-in-no-group", **_SETTINGS)
        self._followed = {each.topic: each for each in followed}
        self._missing = set(self._followed)
        self._unread: dict[tuple[str, int], int] = {}
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; no record is told after this."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def failure(self) -> str | None:
        """What ended the thread, if something did: the process should be restarted then."""
        return None if self._failure is None else f"{self._thread.name} ended: {self._failure!r}"

    @property
    def has_read_all(self) -> bool:
        """Whether `has_read` of every topic; any thread may ask."""
        return not self._missing and not self._unread

    def has_read(self, topic: str) -> bool:
        """Whether everything of it was told that was there when its reading began; any thread may ask."""
        return topic not in self._missing and not any(each == topic for each, _ in tuple(self._unread))

    def _run(self) -> None:
        try:
            consumer = Consumer(self._config)
            try:
                self._follow(consumer)
            finally:
                consumer.close()
        except Exception as error:
            _logger.exception("topics are not followed any more; the process needs a restart")
            self._failure = error

    def _follow(self, consumer: Consumer) -> None:
        next_look = 0.0
        while not self._stopping.is_set():
            if self._missing and time.monotonic() >= next_look:
                for followed in self._due():
                    self._begin(consumer, followed)
                next_look = time.monotonic() + _PAUSE_S
            self._read(consumer)

    def _due(self) -> list[Followed]:
        return [self._followed[topic] for topic in sorted(self._missing) if self._followed[topic].may_begin()]

    def _begin(self, consumer: Consumer, followed: Followed) -> None:
        try:
            found = consumer.list_topics(followed.topic, timeout=_ASK_S).topics[followed.topic]
            places = [TopicPartition(followed.topic, number) for number in found.partitions]
            bounds = {}
            for place in places:
                low, high = _bounds(consumer, place)
                place.offset = _first_offset(low, high, followed.tail, len(places))
                if high > low:
                    bounds[(place.topic, place.partition)] = int(high)
        except KafkaException as error:
            if is_final(error.args[0]):
                raise
            return
        if places:
            consumer.incremental_assign(places)
            self._unread.update(bounds)
            self._missing.discard(followed.topic)

    def _read(self, consumer: Consumer) -> None:
        first = consumer.poll(_LOOK_S)
        if first is None:
            return
        # What comes within it is taken together: each time that this thread wakes, the event loop may have to wait.
        self._stopping.wait(_GATHER_S)
        slice_: list[Message] = [first, *consumer.consume(SLICE - 1, 0)]
        while slice_ and not self._stopping.is_set():
            self._take(slice_)
            slice_ = consumer.consume(SLICE, 0)

    def _take(self, messages: Sequence[Message]) -> None:
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            error = message.error()
            if error is None:
                by_topic.setdefault(str(message.topic()), []).append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                continue
            elif is_final(error):
                raise KafkaException(error)
        for topic, found in by_topic.items():
            self._followed[topic].take(found)
        if self._unread:
            for message in messages:
                self._note(message)

    def _note(self, message: Message) -> None:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            return
        place = (str(message.topic()), int(message.partition() or 0))
        next_offset = offset_of(message) + (error is None)
        if next_offset >= self._unread.get(place, next_offset + 1):
            del self._unread[place]


def _first_offset(low: int, high: int, tail: int | None, partitions: int) -> int:
    return OFFSET_BEGINNING if tail is None else max(low, high - max(1, tail // partitions))


def _bounds(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    found: tuple[int, int] | None = consumer.get_watermark_offsets(place, timeout=_ASK_S)
    if found is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
    return found
