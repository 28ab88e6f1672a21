"""What the sink leaves of records about persons, and of those who are erased."""

import time

import pytest
from cassandra.cluster import Session

from deploy.local.stack import Stack
from headrace.interactions.records import ERASED, MADE, RAW, Erasure, Interaction, Recommendation
from headrace.kafka import Producer
from headrace.records import decode, encode, headers_of
from headrace.testing import wait_until
from tests.integration.sink_cassandra.sink_process import SinkProcess, rows_in

pytestmark = pytest.mark.integration

PEOPLE = 20
EVENTS = 30
Record = Interaction | Recommendation | Erasure


def now_us() -> int:
    return time.time_ns() // 1_000


def history(site: str) -> dict[str, list[Record]]:
    """Topic → what so many people did, over three years, and what they were recommended."""
    at = now_us()
    events: list[Record] = [
        Interaction(f"e{step}", site, f"s{person}", "view", at - step * 36 * 86_400_000_000, at, item=f"i{step}")
        for step in range(EVENTS)
        for person in range(PEOPLE)
    ]
    answers: list[Record] = [
        Recommendation(f"r{person}", site, f"s{person}", "home", at, ()) for person in range(PEOPLE)
    ]
    return {RAW: events, MADE: answers}


def produce(stack: Stack, topic: str, records: list[Record]) -> None:
    writer = Producer(stack.brokers, "test")
    for record in records:
        writer.produce(topic, encode(record), record.subject.encode(), headers_of(record))
    writer.flush(30)


def stored(session: Session, sink: SinkProcess) -> dict[tuple[str, str], object]:
    """(Subject, id) → the record."""
    found = rows_in(session, sink.keyspace, "subject_records", sink.name)
    return {
        (row.subject, row.id): decode(row.record.encode(), [("schema", row.record_schema.encode())]) for row in found
    }


def test_all_is_stored_once_and_nothing_of_an_erased_subject_comes_back(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    site = sink.name
    records = history(site)
    expected = {(record.subject, record.id): record for topic in (RAW, MADE) for record in records[topic]}  # type: ignore[union-attr]
    for topic, written in records.items():
        produce(stack, topic, written)
    produce(stack, RAW, records[RAW][:50])  # sent again
    sink.start()
    sink.wait_done()
    assert stored(session, sink) == expected

    produce(stack, ERASED, [Erasure(site, "s3", now_us())])
    left = {key: record for key, record in expected.items() if key[0] != "s3"}
    wait_until(lambda: stored(session, sink) == left, "the erasure", 30)
    # An edge that heard of it late.
    late = Interaction("late", site, "s3", "view", now_us(), now_us())
    produce(stack, RAW, [late])
    sink.wait_done()
    assert stored(session, sink) == left

    assert sink.stop() == 0
    sink.rewind()
    sink.variables["SINK_CASSANDRA_FLUSH_RECORDS"] = "41"
    sink.start()
    wait_until(lambda: sink.metric("headrace_erased_records_total") >= EVENTS + 2, "the replay", 30)
    sink.wait_done()
    assert stored(session, sink) == left


def test_a_killed_sink_that_had_not_heard_of_the_erasure_leaves_nothing(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    """A write of the past, such as one that was under way, is older than the deletion whenever it comes."""
    site = sink.name
    sink.start()
    produce(stack, RAW, [Interaction("e1", site, "gone", "view", now_us(), now_us())])
    sink.wait_done()
    (row,) = rows_in(session, sink.keyspace, "subject_records", site)
    produce(stack, ERASED, [Erasure(site, "gone", now_us())])
    wait_until(lambda: not rows_in(session, sink.keyspace, "subject_records", site), "the erasure", 30)
    late = (
        "UPDATE {}.subject_records USING TIMESTAMP %s SET record = %s "
        "WHERE site = %s AND subject = %s AND month = %s AND time = %s AND id = %s AND kind = %s"
    )
    values = (now_us() + 10**9, row.record, site, "gone", row.month, row.time, row.id, row.kind)
    session.execute(late.format(sink.keyspace), values)
    assert not rows_in(session, sink.keyspace, "subject_records", site)
