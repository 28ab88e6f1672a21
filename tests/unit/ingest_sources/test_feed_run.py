"""The loop that delivers every feed, on a Kafka in memory: what it commits, what it does after failures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from headrace.errors import ConfigurationError, TransientError
from headrace.streams.memory import MemoryKafka, MemoryTransactions
from headrace.streams.transaction import AbortRequired
from headrace.testing import FakeClock
from ingest_sources.feeds.feed import Cursor, FeedPart, Section
from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.feeds.feed_run import FeedRun
from ingest_sources.feeds.feed_source import PolledSource
from ingest_sources.into import LEDGER
from ingest_sources.prepare import Preparer
from ingest_sources.quality.run_reports import RunReports
from ingest_sources.row_schema import MAX_NAME
from ingest_sources.rows import ROW, Rows
from ingest_sources.rules.apply import RuleSet
from ingest_sources.schedule import Schedule
from ingest_sources.schema_keeper import SchemaKeeper

SOURCE = PolledSource.model_validate(
    {"name": "orders", "kind": "table", "into": {"topic": "sources.orders", "key": "{id}"}}
)
Step = FeedPart | None | Exception


@dataclass
class ListFeed:
    """An end that gives what it is told to, and notes what it hears."""

    steps: list[Step]
    told: list[Cursor] = field(default_factory=list)
    began: list[Cursor | None] = field(default_factory=list)

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        self.began.append(cursor)
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step

    def committed(self, part: FeedPart) -> None:
        self.told.append(part.cursor)

    def sample(self) -> FeedPart | None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def part(first: int, count: int = 2, is_end: bool = False, **columns: list[Any]) -> FeedPart:
    """Rows with rising ids, and a cursor after them."""
    table = pl.DataFrame({ROW: range(first, first + count), "id": range(first, first + count), **columns})
    sections = () if is_end else (Section("table", Rows(table, (), first + count - 1)),)
    return FeedPart(sections, {"after": first + count - 1}, is_end)


class Bench:
    """A feed, its run, and what is committed."""

    def __init__(self, *steps: Step, is_free_form: bool = False) -> None:
        self.kafka = MemoryKafka()
        self.clock = FakeClock()
        self.feed = ListFeed(list(steps))
        self.problems: list[str | None] = []
        self.waits: list[float] = []
        self.stop: Callable[[], bool] = lambda: False
        transactions = MemoryTransactions(self.kafka, "ingest_sources.orders")
        transactions.start()
        keeper = SchemaKeeper("orders", "sources.orders", "{id}", lambda: None, self.clock)
        rules = RuleSet(SOURCE.rules, is_free_form=is_free_form)
        self.run = FeedRun(
            lambda: self.feed,
            Preparer(SOURCE, rules, is_free_form, keeper),
            transactions,
            FeedEntry(source="orders"),
            RunReports("orders", self.clock),
            False,
            self.clock,
            self._wait,
            lambda entry, before: None,
            self.problems.append,
        )

    def keys(self, topic: str = "sources.orders") -> list[str]:
        logs = [self.kafka.log(topic, number).records for number in range(self.kafka.partitions)]
        found = sorted((record for log in logs for record in log), key=lambda record: record.sequence)
        return [(record.key or b"").decode() for record in found]

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        return self.stop()


def test_end_hears_of_a_part_only_when_it_is_committed_and_in_order() -> None:
    bench = Bench(part(1), part(3), None, part(5))
    bench.run.run_once()
    assert bench.keys() == ["1", "2", "3", "4", "5", "6"]
    assert bench.feed.told == [{"after": 2}, {"after": 4}, {"after": 6}]
    assert (bench.run.entry.delivered, bench.run.entry.cursor) == (6, {"after": 6})
    assert bench.run.entry.run_us > 0


def test_after_a_failure_it_goes_on_after_what_is_committed_and_says_what_is_wrong() -> None:
    bench = Bench(part(1), TransientError("the end is away"))
    with pytest.raises(TransientError):
        bench.run.run_once()
    bench.feed.steps = [part(3)]
    bench.run.run_once()
    assert bench.feed.began == [None, {"after": 2}]
    assert bench.keys() == ["1", "2", "3", "4"]


def test_transaction_that_fails_is_given_up_and_its_part_comes_again() -> None:
    bench = Bench(part(1))
    bench.kafka.fail_next("commit", AbortRequired("a delivery failed"))
    with pytest.raises(AbortRequired):
        bench.run.run_once()
    assert bench.feed.told == []
    bench.feed.steps = [part(1)]
    bench.run.run_once()
    assert bench.keys() == ["1", "2"]
    assert bench.feed.began == [None, None]


def test_transaction_that_fails_at_the_end_of_a_run_without_rows_is_given_up() -> None:
    bench = Bench()
    bench.kafka.fail_next("commit", AbortRequired("a delivery failed"))
    with pytest.raises(AbortRequired):
        bench.run.run_once()
    bench.run.run_once()
    assert bench.keys(LEDGER) == ["orders/feed"]


def test_last_part_of_a_run_that_reads_all_ends_it_in_the_same_transaction() -> None:
    bench = Bench(part(1), part(3, 0, is_end=True))
    bench.run.run_once()
    assert bench.keys(LEDGER) == ["orders/feed"] * 2
    assert bench.run.entry.run_us > 0


def test_rows_that_are_refused_leave_no_trace_in_the_schema() -> None:
    """A later part must announce the column itself, or nobody could read its rows."""
    bench = Bench(FeedPart((Section("t", Rows(pl.DataFrame({ROW: [1], "x": [1]}), (), 1)),), {"after": 1}))
    with pytest.raises(ConfigurationError, match="no column id"):
        bench.run.run_once()
    bench.feed.steps = [part(1, x=[1, 2])]
    bench.run.run_once()
    assert bench.keys("sources.schemas") == ["sources.orders"]


def test_name_without_end_costs_its_row_alone() -> None:
    long = pl.DataFrame({ROW: [1, 2], "id": [1, 2], "x" * (MAX_NAME + 1): [None, 5]})
    bench = Bench(FeedPart((Section("t", Rows(long, (), 2)),), {"after": 2}), is_free_form=True)
    bench.run.run_once()
    assert bench.keys() == ["1"]
    assert bench.run.entry.rejected == 1


def test_cron_source_that_fails_is_tried_again_soon_and_not_at_its_next_time() -> None:
    bench = Bench(ConfigurationError("no such table"), part(1))
    bench.stop = lambda: bench.run.entry.delivered > 0
    bench.run.run(Schedule(cron="0 2 * * *"))
    day = datetime.fromtimestamp(bench.clock.now_us() / 1_000_000)
    begun = datetime.fromtimestamp(FakeClock().now_us() / 1_000_000)
    assert (day - begun).total_seconds() < 86_400
    assert bench.problems == ["no such table", None]
    assert bench.keys() == ["1", "2"]
