"""What leaves for the broker, and when, by what Kafka says: a real socket at one end, given reports at the other."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from confluent_kafka import KafkaError
from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.kafka import OnDelivery
from ingest_mqtt.bridge import Bridge, BrokenProducerError
from ingest_mqtt.forwarder import Forwarder
from ingest_mqtt.metrics import Metrics
from ingest_mqtt.mqtt_packets import OtherPacket, PacketReader, Publish, write_publish
from ingest_mqtt.receipts import Receipts
from ingest_mqtt.routes import load_routes
from ingest_mqtt.window import Window
from tests.unit.ingest_mqtt.broker_end import BrokerEnd

_ROUTES = """
subscribe: ["a/#", "b/#"]
routes: [{name: a, pattern: "a/{device}", format: json}]
"""


class _Delivered:
    def partition(self) -> int:
        return 1

    def offset(self) -> int:
        return 5


class _Kafka:
    """A writer whose reports the test gives by the place of the record."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self._waiting: list[OnDelivery | None] = []
        self._reports: list[tuple[int, KafkaError | None]] = []

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        on_delivery: OnDelivery | None = None,
    ) -> None:
        self.topics.append(topic)
        self._waiting.append(on_delivery)

    def report(self, index: int, error: KafkaError | None = None) -> None:
        """The next `poll` says this of a record."""
        self._reports.append((index, error))

    def poll(self, timeout: float = 0.0) -> int:
        reports, self._reports = self._reports, []
        for index, error in reports:
            if on_delivery := self._waiting[index]:
                on_delivery(error, _Delivered())  # type: ignore[arg-type]  # librdkafka's own cannot be made here
        return len(reports)

    def flush(self, timeout: float) -> None:
        self.poll()


class _Setup:
    def __init__(self, folder: Path) -> None:
        path = folder / "routes.yaml"
        path.write_text(_ROUTES)
        routes, metrics, clock = load_routes(path), Metrics(CollectorRegistry()), SystemClock()
        self.kafka = _Kafka()
        window = Window(100, 1 << 26)
        forwarder = Forwarder(routes, self.kafka, window, metrics, clock, 10)
        self.bridge = Bridge(forwarder, self.kafka, window, Receipts(routes.is_subscribed, 100), metrics, clock, 15)
        self.broker = BrokerEnd(self.bridge)
        self.broker.subscribed(1, 1, 0)
        self._read = PacketReader(v5=True)

    def publish(self, *mids: int, properties: bytes = b"") -> None:
        for mid in mids:
            topic = b"\x00\x03a/1"
            body = topic + mid.to_bytes(2, "big") + bytes((len(properties),)) + properties + b"{}"
            self.broker.send(b"\x32" + bytes((len(body),)) + body)

    def turn(self) -> list[Publish | OtherPacket]:
        """One turn of the bridge, and what it sent."""
        self.bridge.turn(self.broker.connection)
        return self._read.feed(self.broker.receive_now())


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[_Setup]:
    setup = _Setup(tmp_path)
    yield setup
    setup.broker.close()


def _ack(mid: int) -> OtherPacket:
    return (0x40, mid.to_bytes(2, "big"))


def test_an_ack_waits_for_kafka_and_for_its_turn(setup: _Setup) -> None:
    setup.publish(11, 12, 13)
    assert setup.turn() == []
    setup.kafka.report(1)
    assert setup.turn() == []
    setup.kafka.report(0)
    assert setup.turn() == [_ack(11), _ack(12)]


def test_a_receipt_leaves_before_the_ack(setup: _Setup) -> None:
    setup.publish(11, properties=b"\x08\x00\x01r\x09\x00\x01c")
    setup.kafka.report(0)
    receipt, ack = setup.turn()

    assert isinstance(receipt, Publish)
    assert (receipt.topic, receipt.payload[:20]) == (b"r", b'{"status":"accepted"')
    assert ack == _ack(11)


def test_a_failed_record_drops_the_connection_without_an_ack(setup: _Setup) -> None:
    setup.publish(11, 12)
    setup.kafka.report(0, KafkaError(KafkaError._MSG_TIMED_OUT))
    setup.kafka.report(1)

    assert setup.turn() == []
    assert not setup.broker.connection.is_up
    assert "Kafka did not take a record" in str(setup.broker.connection.problem)


def test_a_late_report_is_not_acknowledged_on_the_next_connection(setup: _Setup) -> None:
    setup.publish(11)
    setup.broker.connection.drop("for the test")
    setup.broker.now += 100
    setup.broker.subscribed(1, 1, 0)
    setup.publish(11)
    setup.kafka.report(0)
    assert setup.turn() == []
    setup.kafka.report(1)
    assert setup.turn() == [_ack(11)]


def test_a_record_refused_for_its_size_is_acknowledged_when_its_dead_letter_is_kept(setup: _Setup) -> None:
    setup.publish(11)
    setup.kafka.report(0, KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    assert setup.turn() == []
    assert setup.kafka.topics == ["readings.raw", "deadletters"]
    setup.kafka.report(1)
    assert setup.turn() == [_ack(11)]


def test_a_fatal_error_of_the_producer_ends_the_process_without_an_ack(setup: _Setup) -> None:
    setup.publish(11)
    setup.kafka.report(0, KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "gap", fatal=True))

    with pytest.raises(BrokenProducerError):
        setup.turn()
    assert setup.broker.receive_now() == b""


def test_a_full_window_stops_reading_and_goes_on_when_there_is_room(setup: _Setup) -> None:
    setup.publish(*range(1, 101))
    setup.broker.write(write_publish(b"a/1", b"{}", 101))
    setup.turn()
    assert len(setup.kafka.topics) == 100
    setup.kafka.report(0)
    setup.turn()
    setup.turn()
    assert len(setup.kafka.topics) == 101
