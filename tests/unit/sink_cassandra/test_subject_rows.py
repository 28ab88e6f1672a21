"""What is about persons as rows, and what an erasure leaves of it."""

import struct

from headrace.errors import Reason
from headrace.interactions.records import ERASED, MADE, RAW, Erasure, Interaction, Recommendation
from headrace.subjects.erased import ErasedSubjects
from headrace.tables import MONTH_US, MONTHS_KEPT, month_of, months_before
from sink_cassandra.flush_rows import rows_of
from sink_cassandra.packing import bigint, key
from sink_cassandra.rows import Rows, Table
from sink_cassandra.settings import Settings
from sink_cassandra.subject_rows import AFTER_ALL
from tests.unit.sink_cassandra.records import NOW, batch

DAY_US = 86_400_000_000


def view(subject: str = "s1", event: str = "e1", time: int = NOW) -> Interaction:
    return Interaction(event, "main", subject, "view", time, NOW, item="film")


def made(subject: str = "s1") -> Recommendation:
    return Recommendation("r1", "main", subject, "home", NOW, ())


def nobody() -> ErasedSubjects:
    return ErasedSubjects("nowhere:1")


def stored(rows: Rows, table: Table = Table.SUBJECT_RECORDS) -> list[bytes]:
    return [row for (found, _), packed in rows.by_partition.items() if found is table for row in packed]


def test_interactions_and_recommendations_are_rows_of_their_subject_and_month() -> None:
    rows, refusals = rows_of([batch(RAW, view(), view("s2")), batch(MADE, made())], nobody())
    assert not refusals
    expected = key("main") + key("s1") + bigint(month_of(NOW))
    assert len(rows.by_partition[Table.SUBJECT_RECORDS, expected]) == 2
    assert len(stored(rows)) == 3


def test_the_month_is_of_the_append_whatever_time_an_event_says() -> None:
    rows, _ = rows_of([batch(RAW, view(time=0), view(event="e2", time=NOW + 10**15))], nobody())
    assert len(rows.by_partition) == 1


def test_a_repeat_is_the_same_row() -> None:
    rows, _ = rows_of([batch(RAW, view(), view())], nobody())
    first, second = stored(rows)
    assert first == second


def test_nothing_of_an_erased_subject_is_stored_and_it_is_counted() -> None:
    erased = nobody()
    erased.add("s1")
    rows, refusals = rows_of([batch(RAW, view(), view("s2")), batch(MADE, made())], erased)
    assert (len(stored(rows)), rows.skipped, refusals) == (1, 2, [])


def test_an_erasure_counts_for_all_of_its_flush_and_from_then_on() -> None:
    erased = nobody()
    rows, _ = rows_of([batch(RAW, view()), batch(ERASED, Erasure("main", "s1", NOW))], erased)
    assert not stored(rows)
    again, _ = rows_of([batch(RAW, view())], erased)
    assert not stored(again)


def test_an_erasure_deletes_every_month_that_a_row_can_be_in_after_all_writes() -> None:
    erased = nobody()
    rows, _ = rows_of([batch(ERASED, Erasure("main", "s1", NOW))], erased)
    deleted = {partition for table, partition in rows.by_partition if table is Table.SUBJECTS_ERASED}
    longest = Settings.model_fields["subjects_ttl_days"].metadata[1].le
    # Written within the longest time that rows are kept, or a while after the erasure by a sink that was killed.
    for appended in range(NOW - longest * DAY_US, NOW + MONTH_US, 10 * DAY_US):
        assert key("main") + key("s1") + bigint(month_of(appended)) in deleted
    assert {struct.unpack(">iq", row[:12])[1] for row in stored(rows, Table.SUBJECTS_ERASED)} == {AFTER_ALL}
    assert AFTER_ALL > NOW * 1_000


def test_months_are_in_order_and_end_with_the_next() -> None:
    months = months_before(NOW, MONTHS_KEPT)
    assert months == sorted(set(months))
    assert months[-2:] == [month_of(NOW), month_of(NOW + MONTH_US)]


def test_a_time_that_does_not_fit_its_column_is_refused() -> None:
    _, refusals = rows_of([batch(RAW, view(time=2**70))], nobody())
    assert [refusal.error.reason for refusal in refusals] == [Reason.REFUSED_BY_STORE]
