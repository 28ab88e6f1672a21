"""Follows a small compacted topic: every process reads all of it, in no group, and hears of each change."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.errors import TransientError
from headrace.kafka import consumer_config, is_final, offset_of

_BATCH_RECORDS = 1_000
_LOOK_S = 0.2
_STOP_S = 5.0
_PAUSE_S = 0.1
_LEAST_S = 0.1
_SETTINGS = {
    # Offsets without a record lie where a transaction ended, so the end shows by this alone.
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 100,
}

T = TypeVar("T")
OnRecord = Callable[[Message], None]
OnFailure = Callable[[BaseException], None]


def _nothing(*_: object) -> None:
    """The default of what is called."""


class FollowedTopic:
    """Reads all partitions on a thread of its own, after `start` has read what was there.

    Args:
        on_record: told each record that has a value, in its partition's order: by `start` on the caller's thread, then
            on the other.
        on_failure: told what ended the thread, an error of `on_record` or one of Kafka's that waiting doesn't mend.
        on_deleted: as `on_record`, told each record without a value, by which its key is deleted.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        on_record: OnRecord,
        on_failure: OnFailure,
        on_deleted: OnRecord = _nothing,
    ) -> None:
        self.topic = topic
        self._consumer = Consumer(consumer_config(brokers, "followers-are-in-no-group", **_SETTINGS))
        self._on_record = on_record
        self._on_deleted = on_deleted
        self._on_failure = on_failure
        self._unread: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"follows {topic}", daemon=True)

    def start(self, timeout: float, before_following: Callable[[], None] = _nothing) -> None:
        """Reads what is committed now, then goes on in the background.

        Args:
            before_following: called between the two, on this thread.

        Raises:
            TransientError: the brokers did not give all of it within `timeout` seconds, or there is no such topic.
        """
        deadline = time.monotonic() + timeout
        self._assign(deadline)
        while self._unread:
            if time.monotonic() > deadline:
                raise TransientError(f"{self.topic} could not be read within {timeout} s")
            self._read()
        before_following()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; no record is told after this."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._consumer.close()

    def _assign(self, deadline: float) -> None:
        found = self._ask(lambda left: self._consumer.list_topics(self.topic, timeout=left), deadline)
        numbers = found.topics[self.topic].partitions
        if not numbers:
            raise TransientError(f"topic {self.topic} does not exist; run python -m headrace.topics")
        partitions = [TopicPartition(self.topic, number, OFFSET_BEGINNING) for number in numbers]
        self._consumer.assign(partitions)
        for each in partitions:
            low, high = self._ask(partial(self._bounds, each), deadline)
            if high > low:
                self._unread[each.partition] = int(high)

    def _bounds(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        found = self._consumer.get_watermark_offsets(partition, timeout=timeout)
        if found is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return found

    def _ask(self, call: Callable[[float], T], deadline: float) -> T:
        """Asks again while there is time: a partition that was just made has no leader for a moment."""
        while True:
            left = deadline - time.monotonic()
            try:
                return call(max(left, _LEAST_S))
            except KafkaException as error:
                if left <= 0 or is_final(error.args[0]):
                    raise TransientError(f"the brokers don't say how far {self.topic} goes: {error}") from error
                time.sleep(_PAUSE_S)

    def _follow(self) -> None:
        try:
            while not self._stop.is_set():
                self._read()
        except BaseException as error:
            self._on_failure(error)

    def _read(self) -> None:
        # Waiting for a whole batch would hold a lone record back.
        first = self._consumer.poll(_LOOK_S)
        if first is None:
            return
        for message in (first, *self._consumer.consume(_BATCH_RECORDS, 0)):
            self._take(message)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            tell = self._on_deleted if message.value() is None else self._on_record
            tell(message)
            self._note(message, offset_of(message) + 1)
        elif error.code() == KafkaError._PARTITION_EOF:
            self._note(message, offset_of(message))
        elif is_final(error):
            raise KafkaException(error)

    def _note(self, message: Message, next_offset: int) -> None:
        partition = message.partition()
        if partition in self._unread and next_offset >= self._unread[partition]:
            del self._unread[partition]
