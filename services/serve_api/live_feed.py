"""Kafka → live hub: one thread reads the ends of the live topics for all clients, and only while there are some.

It uses no consumer group: nothing is committed, and each process sees every record.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from headrace.errors import TerminalError
from headrace.kafka import consumer_config, headers_of_message, is_final
from headrace.records import Anomaly, Reading, decode, split_key
from serve_api.live_hub import Filter, LiveEvent, LiveHub, Stream
from serve_api.metrics import SERVICE, Metrics
from serve_api.problems import unavailable
from serve_api.rows import anomaly_row, encode, reading_row

TOPICS = {Stream.READINGS: "readings.clean", Stream.ANOMALIES: "readings.anomalies"}
_STREAMS = {topic: stream for stream, topic in TOPICS.items()}
_BATCH = 500
_POLL_S = 0.05
_ANSWER_S = 3.0
_logger = logging.getLogger(__name__)

Reply = Callable[[BaseException | None], None]


class LiveFeed:
    """Reads what the hub's clients want; `follow` and `unfollow` are called on the event loop."""

    def __init__(self, brokers: str, hub: LiveHub, metrics: Metrics) -> None:
        overrides = {"auto.offset.reset": "latest", "client.id": "serve_api.live"}
        self._config = consumer_config(brokers, "serve_api.live", **overrides)
        self._hub = hub
        self._metrics = metrics
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._followed: set[Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._consumer: Any = None
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; blocks for one poll at most."""
        self._stopping.set()
        self._commands.put(lambda: None)
        self._thread.join(_ANSWER_S)

    def problem(self) -> str | None:
        """What ended the thread, if something did: the process should be restarted then."""
        return None if self._failure is None else f"the live feed ended: {self._failure!r}"

    async def follow(self, stream: Stream) -> None:
        """Returns when every record that is appended from now on will be seen.

        Raises:
            Problem: Kafka does not answer.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def reply(error: BaseException | None) -> None:
            loop.call_soon_threadsafe(_settle, done, error)

        self._commands.put(lambda: self._begin(stream, reply))
        try:
            async with asyncio.timeout(2 * _ANSWER_S):
                await done
        except (KafkaException, TimeoutError) as error:
            raise unavailable(f"Kafka does not answer, so there is no live stream now ({error})") from error

    def unfollow(self, stream: Stream) -> None:
        """To be called when a client left; reading goes on while the hub has others."""
        if not self._hub.wants(stream):
            self._commands.put(lambda: self._end_unwanted(stream))

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._obey()
                if self._followed:
                    self._read()
        except Exception as error:
            self._failure = error
            _logger.exception("the live feed ended; the process needs a restart")
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._hub.close)
        finally:
            self._close()

    def _obey(self) -> None:
        if not self._followed:
            self._commands.get()()
        while not self._commands.empty():
            self._commands.get()()

    def _begin(self, stream: Stream, reply: Reply) -> None:
        try:
            if stream not in self._followed:
                self._assign(TOPICS[stream])
                self._followed.add(stream)
        except KafkaException as error:
            if not self._followed:
                self._close()
            reply(error)
        else:
            reply(None)

    def _assign(self, topic: str) -> None:
        if self._consumer is None:
            self._consumer = Consumer(self._config)
        known = self._consumer.list_topics(topic, _ANSWER_S).topics[topic]
        if known.error is not None:
            raise KafkaException(known.error)
        places = [TopicPartition(topic, number) for number in known.partitions]
        for place in places:
            # The end as a number: OFFSET_END is looked up later, and would skip what is appended until then.
            _, place.offset = self._consumer.get_watermark_offsets(place, _ANSWER_S)
        self._consumer.incremental_assign(places)

    def _end_unwanted(self, stream: Stream) -> None:
        if stream in self._followed and not self._hub.wants(stream):
            places = [place for place in self._consumer.assignment() if place.topic == TOPICS[stream]]
            self._consumer.incremental_unassign(places)
            self._followed.discard(stream)
            if not self._followed:
                self._close()

    def _close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read(self) -> None:
        events: dict[Stream, list[LiveEvent]] = {}
        wants = {stream: self._hub.wants(stream) for stream in self._followed}
        for message in self._consumer.consume(_BATCH, _POLL_S):
            if _is_record(message):
                stream = _STREAMS[message.topic()]
                event = self._event(message, stream, wants.get(stream, frozenset()))
                if event is not None:
                    events.setdefault(stream, []).append(event)
        for stream, found in events.items():
            self._publish(stream, found)

    def _publish(self, stream: Stream, events: Sequence[LiveEvent]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hub.publish, stream, events)

    def _event(self, message: Message, stream: Stream, wants: frozenset[Filter]) -> LiveEvent | None:
        try:
            return _event(message, wants)
        except TerminalError:
            # The sink makes it a dead letter; here it is only left out, and counted.
            self._metrics.live_drops.labels(SERVICE, stream, "invalid_record").inc()
            return None


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if is_final(error):
        raise KafkaException(error)
    return False


def _event(message: Message, wants: frozenset[Filter]) -> LiveEvent | None:
    site, device = split_key(message.key())
    if not any(wanted.site == site and wanted.device in (None, device) for wanted in wants):
        return None
    record = decode(message.value(), headers_of_message(message))
    if not isinstance(record, Reading | Anomaly):
        return None
    row = reading_row(record) if isinstance(record, Reading) else anomaly_row(record)
    identity = f"{message.timestamp()[1]}-{message.partition()}-{message.offset()}"
    return LiveEvent(record.site, record.device, record.metric, identity, encode(row))
