"""When a report is made and what counts in it: a real `FeedRun` on a Kafka in memory, and files step by step."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl
import pytest

from headrace.errors import TransientError
from headrace.streams.memory import MemoryKafka, MemoryTransactions
from headrace.streams.transaction import AbortRequired
from headrace.testing import FakeClock
from ingest_sources.feeds.feed import Cursor, FeedPart, Section
from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.feeds.feed_run import FeedRun
from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.into import LEDGER, REPORTS, IntoOwnTopic
from ingest_sources.ledger import FileEntry
from ingest_sources.prepare import Preparer
from ingest_sources.quality.part_quality import PartQuality
from ingest_sources.quality.report import Report
from ingest_sources.quality.report_topic import KEPT
from ingest_sources.quality.run_reports import STREAM_ROWS, RunReports
from ingest_sources.rows import ROW, Rows
from ingest_sources.rules.apply import RuleSet
from ingest_sources.rules.models import read_rules

HOUR_S = 3_600.0
RULES = read_rules([{"range": {"column": "a", "min": 0}}])


class Table:
    """A feed of parts that were given before, which is away where one is None. Each part takes its time."""

    def __init__(self, parts: Sequence[Sequence[int] | None], clock: FakeClock, part_s: float) -> None:
        self._parts = parts
        self._clock = clock
        self._part_s = part_s

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        first = int(cursor["at"]) if cursor else 0
        for at, values in enumerate(self._parts[first:], first + 1):
            if values is None:
                raise TransientError("away")
            table = pl.DataFrame({ROW: range(1, len(values) + 1), "a": values}, schema={ROW: pl.Int64, "a": pl.Int64})
            yield FeedPart((Section("table", Rows(table, (), len(values))),), {"at": at})
            self._clock.advance(self._part_s)

    def committed(self, part: FeedPart) -> None:
        pass

    def sample(self) -> FeedPart | None:
        return None

    def close(self) -> None:
        pass


class Bench:
    """A source, and what is committed of it."""

    def __init__(self, is_stream: bool = False, part_s: float = 1.0) -> None:
        self.kafka = MemoryKafka(partitions=1)
        self.clock = FakeClock()
        self.heard: list[tuple[Mapping[str, int], Report | None]] = []
        self.parts: list[Sequence[int] | None] = []
        self._is_stream = is_stream
        self._part_s = part_s
        self.restart()

    def restart(self) -> None:
        """What another process begins with."""
        source = FeedSource(name="shop", kind="test", rules=RULES, into=IntoOwnTopic(topic="sources.shop", key="{a}"))
        transactions = MemoryTransactions(self.kafka, "shop")
        transactions.start()
        entries = [msgspec.json.decode(found.value or b"", type=FeedEntry) for found in self.kafka.records(LEDGER)]
        self.run = FeedRun(
            lambda: Table(self.parts, self.clock, self._part_s),
            Preparer(source, RuleSet(RULES)),
            transactions,
            entries[-1] if entries else FeedEntry(source="shop"),
            RunReports("shop", self.clock, self.reports, lambda *told: self.heard.append(told)),
            self._is_stream,
            self.clock,
            lambda _: False,
            lambda entry, before: None,
            lambda problem: None,
        )

    def deliver(self, *parts: Sequence[int] | None) -> None:
        self.parts += parts
        self.run.run_once()

    @property
    def reports(self) -> list[Report]:
        return [msgspec.json.decode(found.value or b"", type=Report) for found in self.kafka.records(REPORTS)]

    def counts(self) -> list[tuple[int, int]]:
        return [(report.delivered, report.rejected) for report in self.reports]


def test_a_polled_run_has_one_report_in_the_transaction_of_its_end() -> None:
    bench = Bench()
    bench.deliver([1, 2, -1], [3])
    assert bench.counts() == [(3, 1)]
    (report,) = bench.reports
    assert (report.kind, report.by_rule, report.by_reason) == ("run", {"1 range": 1}, {"refused_by_rule": 1})
    last = bench.kafka.records(LEDGER)[-1]
    assert bench.kafka.records(REPORTS)[-1].sequence == last.sequence - 1
    assert bench.heard == [({"1 range": 1}, None), ({}, None), ({}, report)]


def test_what_was_given_up_does_not_count_and_is_counted_when_it_comes_again() -> None:
    bench = Bench()
    bench.kafka.fail_next("commit", AbortRequired("gone"))
    with pytest.raises(TransientError):
        bench.deliver([1, 2], [-1, 3])
    bench.run.run_once()
    assert bench.counts() == [(3, 1)]
    bench.parts.append(None)
    with pytest.raises(TransientError):
        bench.deliver()
    bench.parts[-1] = [5]
    bench.run.run_once()
    assert bench.counts()[1:] == [(1, 0)]
    assert not any(report.is_partial for report in bench.reports)


def test_what_a_former_process_began_is_told_as_a_part() -> None:
    bench = Bench()
    with pytest.raises(TransientError):
        bench.deliver([1, 2], None)
    bench.restart()
    bench.parts[-1] = [3]
    bench.run.run_once()
    bench.restart()
    bench.deliver([4])
    assert [(report.rows, report.is_partial) for report in bench.reports] == [(1, True), (1, False)]


def test_runs_without_rows_have_no_report_but_the_first_after_many_with_some() -> None:
    bench = Bench()
    for _ in range(3):
        bench.deliver()
    assert bench.reports == []
    for _ in range(8):
        bench.deliver(range(100))
    assert bench.reports[0].empty_runs == 3
    bench.deliver()
    assert len(bench.reports) == 8
    other = Bench()
    for _ in range(8):
        other.deliver(range(100))
    other.deliver()
    other.deliver()
    assert [[finding.what for finding in report.findings] for report in other.reports] == [*[[]] * 8, ["rows"]]


def test_a_stream_has_a_report_after_an_hour_and_one_of_the_rest_when_it_is_left() -> None:
    bench = Bench(is_stream=True, part_s=0.4 * HOUR_S)
    bench.deliver([1], [2], [3], [4], [5])
    assert [(report.kind, report.rows) for report in bench.reports] == [("stream", 4), ("stream", 1)]
    assert bench.reports[0].ended_us == bench.reports[1].begun_us


def test_a_stream_has_a_report_after_many_rows() -> None:
    reports = RunReports("shop", FakeClock())
    entry = FeedEntry(source="shop")
    reports.begin_feed(True, entry)
    for count in (STREAM_ROWS - 1, 1, 1):
        after = FeedEntry(source="shop", delivered=count)
        made = reports.add([PartQuality(delivered=count)], after)
        reports.committed(after)
        assert len(made) == (count == 1 and reports.end(after) == [])


class Files:
    """Reports of files, committed at once."""

    def __init__(self, former: Sequence[Report] = ()) -> None:
        self.reports = RunReports("shop", FakeClock(), former)

    def part(self, sha256: str, position: int, rows: int) -> FileEntry:
        entry = FileEntry(source="shop", sha256=sha256, file=f"{sha256}.csv", size=1, position=position + rows)
        self.reports.add([PartQuality(delivered=rows)], entry, entry.position)
        return entry

    def end(self, sha256: str) -> tuple[int, Report]:
        entry = FileEntry(source="shop", sha256=sha256, file=f"{sha256}.csv", size=1, state="done")
        (record,) = self.reports.end(entry)
        self.reports.committed(entry)
        return int((record.key or b"").partition(b"/")[2]), msgspec.json.decode(record.value or b"", type=Report)


def test_a_file_that_is_loaded_on_in_the_same_process_is_one_run() -> None:
    files = Files()
    files.reports.begin_file("a.csv", "a", 0)
    files.reports.committed(files.part("a", 0, 10))
    files.part("a", 10, 10)
    files.reports.forget()
    files.reports.begin_file("a.csv", "a", 10)
    files.reports.committed(files.part("a", 10, 5))
    _, report = files.end("a")
    assert (report.delivered, report.is_partial, report.what) == (15, False, "a.csv")


def test_a_file_of_which_another_process_loaded_a_part_says_so_and_one_that_is_loaded_again_does_not() -> None:
    files = Files()
    files.reports.begin_file("a.csv", "a", 10)
    assert files.end("a")[1].is_partial
    files.reports.begin_file("a.csv", "a", 0)
    assert not files.end("a")[1].is_partial


def test_the_oldest_report_is_replaced() -> None:
    files = Files()
    places = []
    for _ in range(KEPT + 2):
        files.reports.begin_file("a.csv", "a", 0)
        places.append(files.end("a")[0])
    assert len(set(places)) == KEPT and places[0] == places[KEPT]


def test_numbers_go_on_after_a_restart() -> None:
    files = Files()
    files.reports.begin_file("a.csv", "a", 0)
    _, first = files.end("a")
    later: Any = Files([first])
    later.reports.begin_file("b.csv", "b", 0)
    assert later.end("b")[1].number == first.number + 1
