"""What the sink leaves in the tables."""

import msgspec
import pytest
from cassandra.cluster import Session

from deploy.local.stack import Stack
from headrace.errors import Reason
from headrace.kafka import Producer
from headrace.records import headers_of
from headrace.tables import bucket_of, hour_of
from headrace.testing import wait_until
from tests.integration.sink_cassandra.dead_letters import dead_letters_of
from tests.integration.sink_cassandra.sink_process import SinkProcess, digest, produce, readings_in, rows_in
from tests.unit.sink_cassandra.records import NOW, anomaly, device, feedback, reading, window

pytestmark = pytest.mark.integration

SLICE = (
    "SELECT time, readings['flow'] AS found FROM {keyspace}.readings WHERE site = %s AND bucket = %s AND hour = %s "
    "AND device = %s AND time >= %s AND time < %s ORDER BY device DESC, time DESC, n DESC"
)


def test_every_record_is_in_its_table_and_a_replay_changes_nothing(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    site = sink.name
    history = [
        reading(site=site, device=f"m{step % 7}", time=NOW + step * 1_000, metric=metric, number=float(step))
        for step in range(300)
        for metric in ("flow", "pressure")
    ]
    produce(stack, "readings.clean", history)
    produce(stack, "readings.late", [reading(site=site, n=2**40, flags=("late",), number=8.0)])
    produce(stack, "readings.windows", [window(site=site, revision=n, count=n + 1) for n in range(5)])
    produce(stack, "readings.anomalies", [anomaly(site=site)])
    said = feedback(anomaly(site=site))
    produce(stack, "anomalies.feedback", [said, msgspec.structs.replace(said, verdict="expected", given=NOW + 2)])
    produce(stack, "devices.registry", [device(site=site)])
    sink.start()
    sink.wait_done()
    expected = {(r.device, r.metric, r.time, r.n): r.number for r in history}
    assert readings_in(session, sink.keyspace, site) == expected | {("meter-1", "flow", NOW, 2**40): 8.0}
    for table in ("anomalies_by_device", "anomalies_by_hour"):
        (row,) = rows_in(session, sink.keyspace, table, site)
        assert (row.anomaly.value, row.feedback.verdict, row.feedback.given) == (99.0, "expected", NOW + 2)
    (place,) = rows_in(session, sink.keyspace, "anomalies_by_id", site)
    assert (place.id, place.device, place.metric, place.time, place.n) == ("a1b2", "meter-1", "flow", NOW, 0)
    (found,) = rows_in(session, sink.keyspace, "windows", site)
    assert (found.windows["flow"].revision, found.windows["flow"].count) == (4, 5)
    before = digest(session, sink.keyspace, site)

    assert sink.stop() == 0
    sink.rewind()
    # Other cuts into flushes must give the same.
    sink.variables["SINK_CASSANDRA_FLUSH_RECORDS"] = "37"
    sink.start()
    wait_until(lambda: sink.metric("headrace_processed_records_total") >= len(history), "the replay", 30)
    sink.wait_done()
    assert digest(session, sink.keyspace, site) == before


def test_latest_is_the_newest_event_also_where_an_older_one_arrives_later(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    sink.start()
    for time, number in ((NOW, 1.0), (NOW + 5, 2.0), (NOW + 1, 3.0)):
        produce(stack, "readings.clean", [reading(site=sink.name, time=time, number=number)])
        sink.wait_done()
    (found,) = rows_in(session, sink.keyspace, "latest", sink.name)
    assert (found.readings["flow"].time, found.readings["flow"].number) == (NOW + 5, 2.0)


def test_a_window_keeps_the_highest_revision_and_metrics_that_come_apart_stay(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    sink.start()
    for record in (window(revision=1), window(metric="pressure"), window(revision=2, final=True)):
        record.site = sink.name
        produce(stack, "readings.windows", [record])
        sink.wait_done()
    (found,) = rows_in(session, sink.keyspace, "windows", sink.name)
    assert {metric: statistics.revision for metric, statistics in found.windows.items()} == {"flow": 2, "pressure": 0}
    assert found.windows["flow"].final


def test_an_observed_device_never_replaces_one_that_was_set(stack: Stack, sink: SinkProcess, session: Session) -> None:
    site = sink.name
    produce(stack, "devices.registry", [device(site=site, source="api", type="set", labels={"floor": "2"})])
    produce(stack, "devices.registry", [device(site=site, type="seen")])
    sink.start()
    sink.wait_done()
    (found,) = rows_in(session, sink.keyspace, "devices", site)
    assert (found.set_by_api.type, found.set_by_api.labels["floor"], found.observed.type) == ("set", "2", "seen")


def test_a_time_range_of_a_device_is_one_slice_of_its_bucket(stack: Stack, sink: SinkProcess, session: Session) -> None:
    site = sink.name
    produce(stack, "readings.clean", [reading(site=site, device=d, time=NOW + t) for d in "ab" for t in range(9)])
    sink.start()
    sink.wait_done()
    rows = session.execute(
        SLICE.format(keyspace=sink.keyspace), (site, bucket_of(site, "a"), hour_of(NOW), "a", NOW + 2, NOW + 5)
    )
    assert [(row.time, row.found.number) for row in rows] == [(NOW + 4, 1.5), (NOW + 3, 1.5), (NOW + 2, 1.5)]


def test_poison_becomes_dead_letters_and_the_partition_goes_on(
    stack: Stack, sink: SinkProcess, session: Session
) -> None:
    site = sink.name
    good = [reading(site=site, time=NOW + step) for step in range(3)]
    key = f"{site}/meter-1".encode()
    writer = Producer(stack.brokers, "test")
    produce(stack, "readings.clean", good[:1])
    writer.produce("readings.clean", b"{not json", key, headers_of(good[0]))
    writer.produce("readings.clean", b"{}", key, [("schema", b"reading.v9")])
    writer.produce("readings.clean", None, key, headers_of(good[0]))
    writer.flush(10)
    # Cassandra itself refuses this one: the whole partition key of `devices` would be empty.
    produce(stack, "devices.registry", [device(site="", device=site)])
    produce(stack, "devices.registry", [device(site=site)])
    produce(stack, "readings.clean", good[1:])
    sink.start()
    sink.wait_done()
    assert len(readings_in(session, sink.keyspace, site)) == 3
    assert len(rows_in(session, sink.keyspace, "devices", site)) == 1
    letters = wait_until(lambda: dead_letters_of(stack, site, 4), "four dead letters")
    assert sorted(letter.reason for letter in letters) == sorted(
        (Reason.INVALID_RECORD, Reason.UNKNOWN_SCHEMA, Reason.INVALID_RECORD, Reason.REFUSED_BY_STORE)
    )
    assert {letter.stage for letter in letters} == {"sink_cassandra.write"}
    assert b"{not json" in {letter.value for letter in letters}
