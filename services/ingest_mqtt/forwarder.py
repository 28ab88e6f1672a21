"""Forwards messages to Kafka: each becomes a raw record or a dead letter, or is dropped on purpose."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from headrace import deadletter, raw
from headrace.clock import Clock
from headrace.deadletter import MAX_KEPT_BYTES, DeadLetter, Source
from headrace.errors import Reason, TerminalError
from headrace.kafka import RecordWriter
from ingest_mqtt.metrics import Metrics
from ingest_mqtt.mqtt_packets import Publish
from ingest_mqtt.record_headers import record_headers
from ingest_mqtt.routes import Drop, RouteTable, Target
from ingest_mqtt.window import Entry, Window

TOPIC = "readings.raw"
STAGE = "ingest_mqtt.forward"

_RECORD_BYTES = 512
"""What a record weighs beside its payload, topic and properties."""
_MAX_TOPIC_BYTES = 4_096
_MAX_PROPERTIES_BYTES = 16_384
"""Topic and properties travel as headers: with a body of `MAX_KEPT_BYTES` they must fit into one Kafka record."""
OTHER_INSTANCE = "other_instance"


@dataclass(frozen=True)
class Share:
    """Which devices are this bridge's: those whose key's CRC-32, divided by `instances`, leaves `instance`."""

    instance: int = 0
    instances: int = 1

    def has(self, key: bytes) -> bool:
        """Whether a device, by its Kafka key, is this bridge's."""
        return zlib.crc32(key) % self.instances == self.instance


class Forwarder:
    """Takes messages in order and produces them in order.

    Args:
        share: None where the broker shares the messages out.
        drops_topic: the topic on which the broker says how many messages it dropped.
    """

    topic = TOPIC

    def __init__(
        self,
        routes: RouteTable,
        writer: RecordWriter,
        window: Window,
        metrics: Metrics,
        clock: Clock,
        qos0_limit: int,
        share: Share | None = None,
        drops_topic: str = "",
    ) -> None:
        self._routes = routes
        self._writer = writer
        self._window = window
        self._metrics = metrics
        self._clock = clock
        self._qos0_limit = qos0_limit
        self._share = share if share and share.instances > 1 else None
        self._drops_topic = drops_topic.encode()
        self._received = [metrics.received(str(qos)) for qos in (0, 1, 2)]

    def take(self, publishes: Sequence[Publish]) -> None:
        """Produces the messages of one read.

        Raises:
            KafkaException: the producer can't go on.
        """
        received = b"%d" % self._clock.now_us()
        resolve = self._routes.resolve
        counts = [0, 0, 0]
        for publish in publishes:
            counts[publish.qos] += 1
            target = resolve(publish.topic)
            if not publish.qos and self._window.outstanding_qos0 >= self._qos0_limit:
                self._metrics.dropped("qos0_limit").inc()
            elif not isinstance(target, Target):
                self._take_unrouted(publish, target, received)
            elif self._share is not None and not self._share.has(target.key):
                self._skip(publish, OTHER_INSTANCE)
            else:
                self._forward(publish, target, received)
        self._count(publishes, counts)

    def _forward(self, publish: Publish, target: Target, received: bytes) -> None:
        properties = publish.properties
        size = len(publish.payload) + len(publish.topic) + _RECORD_BYTES
        fixed = target.headers
        if properties is not None:
            size += properties.size
            if properties.content_type:
                fixed = target.by_content_type.get(properties.content_type, fixed)
        if size > _MAX_TOPIC_BYTES and (error := _too_large(publish)) is not None:
            self._dead_letter(publish, error, received, target.key)
            return
        headers = record_headers(fixed, publish, received)
        self._writer.produce(TOPIC, publish.payload, target.key, headers, self._window.add(publish, size))

    def _take_unrouted(self, publish: Publish, drop: Drop | None, received: bytes) -> None:
        if drop is not None:
            self._skip(publish, drop.name)
        elif publish.topic == self._drops_topic:
            self._note_broker_drops(publish)
        elif self._share is not None and not self._share.has(publish.topic):
            self._skip(publish, OTHER_INSTANCE)
        else:
            topic = publish.topic[:_MAX_TOPIC_BYTES].decode(errors="replace")
            detail = f"no route fits {topic!r}: add one to the routes file, or its pattern to `ignore`"
            self._dead_letter(publish, TerminalError(Reason.NO_ROUTE, detail), received)

    def advance(self) -> None:
        """Nothing here waits for anything but Kafka."""

    def refuse(self, entry: Entry) -> None:
        """Makes a dead letter of a message that Kafka refuses for its size."""
        detail = f"Kafka refuses the record of a body of {len(entry.publish.payload)} bytes"
        error = TerminalError(Reason.TOO_LARGE, detail)
        self._window.readd(entry, error.reason.value)
        self._send_dead_letter(entry, error, b"%d" % self._clock.now_us(), None, cut=True)

    def _dead_letter(self, publish: Publish, error: TerminalError, received: bytes, key: bytes | None = None) -> None:
        size = min(len(publish.payload), MAX_KEPT_BYTES) + _RECORD_BYTES
        entry = self._window.add(publish, size, error.reason.value)
        self._send_dead_letter(entry, error, received, key)

    def _send_dead_letter(
        self, entry: Entry, error: TerminalError, received: bytes, key: bytes | None, cut: bool = False
    ) -> None:
        publish = entry.publish
        topic = publish.topic[:_MAX_TOPIC_BYTES]
        cut = cut or _has_large_header(publish)
        bare = Publish(topic, b"", publish.mid, publish.qos, publish.retain, publish.dup) if cut else publish
        letter = DeadLetter.of(
            error,
            Source(topic.decode(errors="replace")),
            STAGE,
            int(received),
            publish.payload,
            None if cut else key,
            record_headers(((raw.MQTT_TOPIC, topic),), bare, received),
        )
        self._metrics.dead_letters(error.reason.value).inc()
        deadletter.send(self._writer, letter, entry)

    def _skip(self, publish: Publish, name: str) -> None:
        self._window.skip(publish)
        self._metrics.ignored(name).inc()

    def _note_broker_drops(self, publish: Publish) -> None:
        self._window.skip(publish)
        if publish.payload.isdigit():
            self._metrics.broker_dropped().set(int(publish.payload))

    def _count(self, publishes: Sequence[Publish], counts: list[int]) -> None:
        for counter, count in zip(self._received, counts, strict=True):
            if count:
                counter.inc(count)
        if redelivered := sum([publish.dup for publish in publishes]):
            self._metrics.redelivered.inc(redelivered)
        if retained := sum([publish.retain for publish in publishes]):
            self._metrics.retained.inc(retained)


def _too_large(publish: Publish) -> TerminalError | None:
    if len(publish.payload) > MAX_KEPT_BYTES:
        detail = f"a body of {len(publish.payload)} bytes; {MAX_KEPT_BYTES} fit into a record"
    elif _has_large_header(publish):
        detail = f"a topic over {_MAX_TOPIC_BYTES} bytes, or properties over {_MAX_PROPERTIES_BYTES}"
    else:
        return None
    return TerminalError(Reason.TOO_LARGE, detail)


def _has_large_header(publish: Publish) -> bool:
    properties = publish.properties
    return len(publish.topic) > _MAX_TOPIC_BYTES or (properties is not None and properties.size > _MAX_PROPERTIES_BYTES)
