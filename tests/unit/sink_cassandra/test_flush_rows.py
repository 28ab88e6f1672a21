"""Records of a flush as rows."""

import random
from collections.abc import Sequence

from headrace.errors import Reason
from headrace.records import headers_of
from headrace.refusal import Refusal
from headrace.streams.batch import Batch
from headrace.subjects.erased import ErasedSubjects
from headrace.tables import bucket_of, hour_of
from sink_cassandra import flush_rows
from sink_cassandra.cassandra_sink import halves
from sink_cassandra.cassandra_store import chunks
from sink_cassandra.packing import bigint, integer, key
from sink_cassandra.rows import Rows, Table
from sink_cassandra.window_rows import write_time
from tests.unit.sink_cassandra.records import NOW, anomaly, batch, device, feedback, reading, window


def rows_of(batches: Sequence[Batch]) -> tuple[Rows, list[Refusal]]:
    return flush_rows.rows_of(batches, ErasedSubjects("nowhere:1"))


def rows_in(rows: Rows, table: Table) -> list[bytes]:
    return [row for (found, _), packed in rows.by_partition.items() if found is table for row in packed]


def test_metrics_of_one_message_are_one_row() -> None:
    message = [reading(metric=metric) for metric in ("flow", "pressure", "temperature")]
    rows, refusals = rows_of([batch("readings.clean", *message)])
    assert not refusals
    assert len(rows_in(rows, Table.READINGS)) == 1
    assert len(rows_in(rows, Table.LATEST)) == 1


def test_another_n_is_another_row() -> None:
    rows, _ = rows_of([batch("readings.clean", reading(), reading(n=1, number=2.0))])
    assert len(rows_in(rows, Table.READINGS)) == 2


def test_a_large_reading_is_a_row_of_its_own() -> None:
    long = reading(metric="log", number=None, text="x" * 100_000)
    rows, _ = rows_of([batch("readings.clean", reading(), long, reading(metric="pressure"))])
    assert len(rows_in(rows, Table.READINGS)) == 2


def test_late_readings_are_stored_like_the_others() -> None:
    rows, _ = rows_of([batch("readings.late", reading(n=2**40))])
    assert len(rows_in(rows, Table.READINGS)) == 1


def test_a_readings_partition_is_site_bucket_and_hour() -> None:
    rows, _ = rows_of([batch("readings.clean", reading())])
    expected = key("main") + integer(bucket_of("main", "meter-1")) + bigint(hour_of(NOW))
    assert (Table.READINGS, expected) in rows.by_partition


def latest_after(flushes: Sequence[Batch]) -> tuple[bytes, bytes]:
    """What Cassandra holds of one metric after flushes, by its rule: greater write time, then greater value."""
    return max((row[:12], row[12:]) for flush in flushes for row in rows_in(rows_of([flush])[0], Table.LATEST))


def test_latest_is_the_newest_event_whatever_the_order_and_the_cut() -> None:
    history = [reading(time=NOW + step, n=n, number=float(n)) for step in range(4) for n in range(2)]
    whole = latest_after([batch("readings.clean", *history)])
    for seed in range(20):
        rng = random.Random(seed)
        shuffled = rng.sample(history, len(history))
        cut = rng.randrange(1, len(history))
        parts = [batch("readings.clean", *shuffled[:cut]), batch("readings.clean", *shuffled[cut:])]
        assert latest_after(parts) == whole, f"seed {seed}"


def test_a_later_revision_in_the_same_millisecond_has_a_later_write_time() -> None:
    times = [write_time(window(revision=revision), NOW) for revision in range(5)]
    assert times == sorted(set(times))
    assert write_time(window(revision=10_000), NOW) < NOW + 1_000


def test_an_anomaly_is_found_by_device_by_hour_and_by_id() -> None:
    rows, _ = rows_of([batch("readings.anomalies", anomaly())])
    tables = (Table.ANOMALIES_BY_DEVICE, Table.ANOMALIES_BY_HOUR, Table.ANOMALIES_BY_ID)
    assert [len(rows_in(rows, table)) for table in tables] == [1, 1, 1]
    assert (Table.ANOMALIES_BY_ID, key("main") + key("a1b2")) in rows.by_partition


def test_what_is_said_of_an_anomaly_goes_to_the_anomalys_rows() -> None:
    rows, _ = rows_of([batch("readings.anomalies", anomaly()), batch("anomalies.feedback", feedback(anomaly()))])
    for of, said in (
        (Table.ANOMALIES_BY_DEVICE, Table.FEEDBACK_BY_DEVICE),
        (Table.ANOMALIES_BY_HOUR, Table.FEEDBACK_BY_HOUR),
    ):
        (partition,) = (partition for table, partition in rows.by_partition if table is of)
        (found,), (told,) = rows.by_partition[of, partition], rows.by_partition[said, partition]
        rest = found[found.index(partition) :]
        assert told.endswith(rest), "the same whole key"


def test_what_was_set_and_what_was_observed_are_apart() -> None:
    rows, _ = rows_of([batch("devices.registry", device(), device(source="api"))])
    assert len(rows_in(rows, Table.DEVICES_OBSERVED)) == len(rows_in(rows, Table.DEVICES_SET)) == 1


def test_a_record_that_cannot_be_read_is_refused_and_its_neighbours_are_not() -> None:
    good = batch("readings.clean", reading(), reading(time=NOW + 1), reading(time=NOW + 2))
    bad = Batch(
        good.topic,
        good.partition,
        good.offsets,
        good.timestamps,
        good.keys,
        [good.values[0], b"{", good.values[2]],
        good.headers,
    )
    rows, refusals = rows_of([bad])
    assert [(refusal.index, refusal.error.reason) for refusal in refusals] == [(1, Reason.INVALID_RECORD)]
    assert len(rows_in(rows, Table.READINGS)) == 2


def test_a_record_of_another_kind_than_its_topics_is_refused() -> None:
    _, refusals = rows_of([batch("readings.clean", window())])
    assert [refusal.error.reason for refusal in refusals] == [Reason.UNKNOWN_SCHEMA]


def test_a_record_without_a_value_is_refused() -> None:
    found = Batch("devices.registry", 0, [5], [NOW], [b"main/m"], [None], [headers_of(device())])
    _, refusals = rows_of([found])
    assert [refusal.error.reason for refusal in refusals] == [Reason.INVALID_RECORD]


def test_batches_hold_all_rows_in_order_within_their_size() -> None:
    history = [reading(time=NOW + step) for step in range(500)]
    rows, _ = rows_of([batch("readings.clean", *history)])
    cut = [chunk for (table, _), chunk in chunks(rows, 4_096) if table is Table.READINGS]
    assert [row for chunk in cut for row in chunk] == rows_in(rows, Table.READINGS)
    assert max(sum(map(len, chunk)) for chunk in cut) <= 4_096


def test_halves_are_all_records_and_neither_is_empty() -> None:
    for counts in ([1, 1], [5], [1, 3, 2], [7, 1]):
        batches = [
            batch("readings.clean", *(reading(time=NOW + i) for i in range(count)), partition=partition)
            for partition, count in enumerate(counts)
        ]
        first, second = halves(batches)
        values = [value for part in (*first, *second) for value in part.values]
        assert values == [value for whole in batches for value in whole.values]
        assert sum(map(len, first)) > 0
        assert sum(map(len, second)) > 0
