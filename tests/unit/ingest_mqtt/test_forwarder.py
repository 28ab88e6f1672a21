"""What becomes of a message: a raw record, a dead letter, or nothing on purpose."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from headrace.deadletter import KEPT_WHEN_CUT, MAX_KEPT_BYTES, DeadLetter
from headrace.errors import Reason
from headrace.testing import FakeClock, FakeProducer, Produced
from ingest_mqtt.forwarder import Forwarder, Share
from ingest_mqtt.metrics import Metrics
from ingest_mqtt.mqtt_packets import Properties, Publish
from ingest_mqtt.routes import load_routes
from ingest_mqtt.window import Window

_LIBRDKAFKA_LIMIT = 1_000_000
"""Its `message.max.bytes`: a larger record fails the whole batch that it is in."""
_ROUTES = """
subscribe: ["devices/#"]
ignore: [{name: bridge, pattern: "devices/bridge/#"}]
routes:
  - name: telemetry
    pattern: devices/{device}/telemetry
    format: json
    content_types: {application/senml+json: senml+json}
"""


class _Setup:
    def __init__(self, folder: Path, share: Share | None = None, qos0_limit: int = 100) -> None:
        path = folder / "routes.yaml"
        path.write_text(_ROUTES)
        self.registry = CollectorRegistry()
        self.kafka = FakeProducer()
        self.window = Window(1_000, 1 << 26)
        self.forwarder = Forwarder(
            load_routes(path),
            self.kafka,
            self.window,
            Metrics(self.registry),
            FakeClock(17),
            qos0_limit,
            share,
            "$SYS/dropped",
        )

    def take(self, *publishes: Publish) -> None:
        self.forwarder.take(publishes)

    def count(self, metric: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"headrace_{metric}", {"service": "ingest_mqtt", **labels})

    def letter(self) -> tuple[DeadLetter, Produced]:
        [record] = self.kafka.of_topic("deadletters")
        return DeadLetter.from_record(record.value, record.key, list(record.headers.items())), record


@pytest.fixture
def setup(tmp_path: Path) -> _Setup:
    return _Setup(tmp_path)


def _publish(
    topic: bytes = b"devices/m1/telemetry",
    payload: bytes = b"{}",
    mid: int = 1,
    qos: int = 1,
    properties: Properties | None = None,
) -> Publish:
    return Publish(topic, payload, mid if qos else 0, qos, False, False, properties)


def _bytes(record: Produced) -> int:
    headers = sum(len(name) + len(value) + 10 for name, value in record.headers.items())
    return len(record.value or b"") + len(record.key or b"") + headers


def test_a_routed_message_is_a_raw_record_with_its_bytes(setup: _Setup) -> None:
    setup.take(_publish(payload=b"\xff\x00 not json"))
    [record] = setup.kafka.of_topic("readings.raw")

    assert (record.key, record.value) == (b"default/m1", b"\xff\x00 not json")
    assert record.headers["format"] == b"json"
    assert record.headers["received"] == b"17"


def test_records_keep_the_order_of_messages(setup: _Setup) -> None:
    setup.take(*(_publish(payload=b"%d" % number, mid=number + 1) for number in range(50)))

    assert [record.value for record in setup.kafka.records] == [b"%d" % number for number in range(50)]


def test_the_content_type_of_a_message_chooses_the_format_that_the_route_allows(setup: _Setup) -> None:
    setup.take(_publish(properties=Properties(9, content_type="application/senml+json")))
    setup.take(_publish(properties=Properties(9, content_type="text/plain")))

    assert [record.headers["format"] for record in setup.kafka.records] == [b"senml+json", b"json"]


def test_a_topic_without_a_route_is_a_dead_letter_that_names_it(setup: _Setup) -> None:
    setup.take(_publish(b"devices/m1/other", b"body"))
    letter, _ = setup.letter()

    assert (letter.reason, letter.value, letter.source.topic) == (Reason.NO_ROUTE, b"body", "devices/m1/other")
    assert "devices/m1/other" in letter.detail
    assert letter.received == 17
    assert setup.count("dead_letters_total", reason="no_route") == 1


def test_a_body_too_large_for_kafka_is_kept_as_its_beginning(setup: _Setup) -> None:
    setup.take(_publish(payload=b"x" * 10_000_000))
    letter, record = setup.letter()

    assert (letter.reason, letter.length, len(letter.value)) == (Reason.TOO_LARGE, 10_000_000, KEPT_WHEN_CUT)
    assert letter.key == b"default/m1"
    assert setup.kafka.of_topic("readings.raw") == []
    assert _bytes(record) < _LIBRDKAFKA_LIMIT


def test_the_largest_body_with_the_largest_headers_still_fits_into_a_record(setup: _Setup) -> None:
    properties = Properties(16_384, correlation=b"c" * 8_000)
    setup.take(_publish(b"devices/%s/telemetry" % (b"d" * 4_000), b"x" * MAX_KEPT_BYTES, properties=properties))
    [record] = setup.kafka.of_topic("readings.raw")

    assert _bytes(record) < _LIBRDKAFKA_LIMIT


@pytest.mark.parametrize("large", ["topic", "properties"])
def test_large_headers_are_left_out_of_the_dead_letter(setup: _Setup, large: str) -> None:
    properties = Properties(17_000, user=[("n", b"v" * 16_990)]) if large == "properties" else None
    device = b"d" * 60_000 if large == "topic" else b"m1"
    setup.take(_publish(b"devices/%s/telemetry" % device, b"x" * 800_000, properties=properties))
    letter, record = setup.letter()

    assert letter.reason is Reason.TOO_LARGE
    assert len(letter.value) == 800_000
    assert _bytes(record) < 1_000_000


def test_what_is_dropped_on_purpose_is_counted_and_acknowledged_in_its_turn(setup: _Setup) -> None:
    setup.take(_publish(b"devices/bridge/state", mid=9))

    assert setup.kafka.records == []
    assert setup.count("ignored_messages_total", name="bridge") == 1
    assert setup.window.release() == [9]


def test_qos_0_is_bounded_and_its_drops_are_counted(tmp_path: Path) -> None:
    setup = _Setup(tmp_path, qos0_limit=2)
    setup.take(*(_publish(qos=0) for _ in range(5)), _publish(mid=7))

    assert len(setup.kafka.records) == 3
    assert setup.count("dropped_messages_total", reason="qos0_limit") == 3
    setup.kafka.poll()
    setup.take(_publish(qos=0))
    assert len(setup.kafka.records) == 4


def test_instances_take_every_device_exactly_once(tmp_path: Path) -> None:
    publishes = [_publish(b"devices/m%d/telemetry" % number, b"%d" % number) for number in range(200)]
    publishes.append(_publish(b"devices/x/other", b"other"))
    setups = [_Setup(tmp_path, Share(instance, 3)) for instance in range(3)]
    for setup in setups:
        setup.take(*publishes)
    values = [record.value for setup in setups for record in setup.kafka.records]

    assert sorted(values, key=str) == sorted((publish.payload for publish in publishes), key=str)
    assert all(len(setup.kafka.records) > 30 for setup in setups)


def test_the_brokers_own_count_of_drops_is_a_gauge_and_no_record(setup: _Setup) -> None:
    setup.take(_publish(b"$SYS/dropped", b"12", qos=0))

    assert setup.kafka.records == []
    assert setup.count("broker_dropped_messages") == 12


def test_redelivered_and_stored_messages_are_counted_and_forwarded(setup: _Setup) -> None:
    setup.take(Publish(b"devices/m1/telemetry", b"1", 1, 1, True, True))

    assert setup.count("redelivered_messages_total") == setup.count("retained_messages_total") == 1
    assert setup.kafka.records[0].headers.items() >= {"mqtt.retain": b"1", "mqtt.dup": b"1"}.items()


def test_a_record_that_kafka_refuses_for_its_size_becomes_a_dead_letter_in_its_old_turn(setup: _Setup) -> None:
    setup.take(_publish(payload=b"x" * 700_000, mid=1), _publish(mid=2))
    setup.kafka.failing = True
    setup.kafka.poll()
    refused = setup.window.failures[0][0]
    setup.kafka.failing = False
    setup.forwarder.refuse(refused)
    setup.kafka.poll()

    assert setup.letter()[0].reason is Reason.TOO_LARGE
    assert setup.window.release() == [1]  # 2 failed as well, and waits
