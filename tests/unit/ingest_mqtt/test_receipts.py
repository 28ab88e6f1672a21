"""Receipts: where they may go, their bounds, and what is sent again."""

import json

import pytest

from ingest_mqtt.mqtt_packets import PacketReader, Properties, Publish
from ingest_mqtt.receipts import Receipts, receipt_body


def _publish(topic: str = "receipts/m1", correlation: bytes = b"c") -> Publish:
    properties = Properties(9, response_topic=topic, correlation=correlation)
    return Publish(b"devices/m1/telemetry", b"", 1, 1, False, False, properties)


def _receipts(limit: int = 10) -> Receipts:
    receipts = Receipts(lambda topic: topic.startswith("devices/"), limit)
    receipts.resume(65_535)
    return receipts


def _read(packets: list[bytes]) -> list[Publish]:
    read = PacketReader(v5=True).feed(b"".join(packets))
    return [packet for packet in read if isinstance(packet, Publish)]


def test_a_receipt_carries_the_correlation_data_to_the_response_topic() -> None:
    receipts = _receipts()
    assert receipts.add(_publish(), receipt_body("readings.raw", 2, 9, "")) is None
    [sent] = _read(receipts.take())

    assert (sent.topic, sent.qos, sent.retain) == (b"receipts/m1", 1, False)
    assert sent.properties is not None and sent.properties.correlation == b"c"
    assert json.loads(sent.payload) == {"status": "accepted", "topic": "readings.raw", "partition": 2, "offset": 9}


def test_a_dead_letter_says_so_with_its_reason() -> None:
    assert json.loads(receipt_body("readings.raw", 1, 4, "no_route")) == {
        "status": "dead_letter",
        "topic": "deadletters",
        "partition": 1,
        "offset": 4,
        "reason": "no_route",
    }


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "$SYS/x", "a\0b", "devices/other/telemetry", "x" * 65_536])
def test_nothing_is_published_where_nobody_may_or_where_it_would_be_a_reading(topic: str) -> None:
    receipts = _receipts()

    assert receipts.add(_publish(topic), b"{}") == "refused"
    assert receipts.take() == []


def test_the_brokers_receive_maximum_holds_receipts_back_until_it_acknowledges() -> None:
    receipts = _receipts()
    receipts.resume(2)
    for number in range(3):
        receipts.add(_publish(correlation=b"%d" % number), b"{}")
    first = _read(receipts.take())

    assert [sent.properties.correlation for sent in first if sent.properties] == [b"0", b"1"]
    assert not receipts.waiting
    receipts.acknowledged(first[0].mid)
    assert [sent.properties.correlation for sent in _read(receipts.take()) if sent.properties] == [b"2"]


def test_what_finds_no_room_is_dropped_not_kept() -> None:
    receipts = _receipts(limit=2)

    assert [receipts.add(_publish(), b"{}") for _ in range(3)] == [None, None, "dropped"]


def test_unacknowledged_receipts_are_sent_again_as_duplicates_in_order() -> None:
    receipts = _receipts()
    for number in range(3):
        receipts.add(_publish(correlation=b"%d" % number), b"{}")
    sent = _read(receipts.take())
    receipts.acknowledged(sent[1].mid)
    again = _read(receipts.resume(65_535))

    assert [(packet.mid, packet.dup) for packet in again] == [(sent[0].mid, True), (sent[2].mid, True)]


def test_a_broker_that_now_takes_fewer_gets_the_others_later() -> None:
    receipts = _receipts()
    for number in range(3):
        receipts.add(_publish(correlation=b"%d" % number), b"{}")
    sent = _read(receipts.take())
    again = _read(receipts.resume(1))
    receipts.acknowledged(sent[0].mid)
    later = _read(receipts.take())

    assert [packet.mid for packet in again] == [sent[0].mid]
    assert [packet.properties.correlation for packet in later if packet.properties] == [b"1"]


def test_a_packet_id_in_use_is_not_given_twice() -> None:
    receipts = _receipts(limit=60_000)
    mids = set()
    for _ in range(60_000):
        receipts.add(_publish(), b"{}")
    mids = {packet.mid for packet in _read(receipts.take())}
    receipts.acknowledged(2_000)
    receipts.add(_publish(), b"{}")

    assert len(mids) == 60_000
    assert min(mids) >= 1_024
    assert [packet.mid not in mids - {2_000} for packet in _read(receipts.take())] == [True]
