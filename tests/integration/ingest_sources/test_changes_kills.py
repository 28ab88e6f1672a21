"""Changes of a table on a real PostgreSQL and Kafka, whatever is killed: each once."""

import json
import random
from collections import defaultdict
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.ingest_sources.changed_table import ChangedTable, Event, Writer, check_each_once
from tests.integration.ingest_sources.changes_reader import PASSWORD, options_of
from tests.integration.ingest_sources.feed_bench import FeedBench

pytestmark = pytest.mark.integration


class Bench(FeedBench):
    """A source that reads a table."""

    def __init__(self, brokers: str, root: Path, table: ChangedTable) -> None:
        super().__init__(brokers, root)
        self._table = table
        self.secret("shop", PASSWORD)
        self.configure({"kind": "changes", "changes": options_of(table, batch_rows=1_000)})

    def events(self) -> dict[int, list[Event]]:
        """What came of each row, in its order, as the table notes what it does."""
        found: dict[int, list[Event]] = defaultdict(list)
        for message in self.messages():
            row = json.loads(message.value() or b"")
            found[row["id"]].append((row["__op"], row["version"]))
        return found

    def check_slot(self) -> None:
        """That nothing which the slot has forgotten is missing in Kafka."""
        safe = self._table.safe_lsn()
        delivered = self.events()
        for number, events in self._table.events.items():
            known = {version for _, version in delivered[number]}
            for (op, version), end in zip(events, self._table.ends[number], strict=True):
                assert end > safe or version in known, f"row {number}: {op} {version} is not in Kafka"


@pytest.fixture
def bench(postgres: Stack, tmp_path: Path, table: ChangedTable) -> Bench:
    return Bench(postgres.brokers, tmp_path, table)


@pytest.mark.faults
def test_kills_in_the_stream_lose_and_double_nothing(bench: Bench, table: ChangedTable) -> None:
    """At each step, amid a transaction of 20,000 rows and among small ones."""
    chance = random.Random(seed := random.randrange(1 << 32))
    print(f"seed {seed}")  # noqa: T201
    table.insert(0, 100)
    bench.kill_at("told")
    table.update(range(50))
    table.insert(1_000, 20_000)
    for step in ("produced", "committing", "committed"):
        bench.kill_at(step, chance.randint(1, 5))
        bench.check_slot()
        for _ in range(30):
            table.change_at_random(chance, range(120))
    bench.run()
    bench.check_slot()
    delivered = bench.events()
    check_each_once(table.events, delivered)
    assert all(events[0][0] == "snapshot" for number, events in delivered.items() if number < 100)
    assert table.safe_lsn() >= max(end for ends in table.ends.values() for end in ends)


@pytest.mark.faults
def test_kills_in_the_snapshot_lose_and_double_nothing(bench: Bench, table: ChangedTable) -> None:
    chance = random.Random(seed := random.randrange(1 << 32))
    print(f"seed {seed}")  # noqa: T201
    table.insert(0, 8_000)
    writer = Writer(table, chance, range(8_500))
    writer.start()
    try:
        for step in ("produced", "committed"):
            bench.kill_at(step, chance.randint(1, 2))
            entry = bench.entry()
            assert entry is None or "snapshot" in (entry.cursor or {})
    finally:
        writer.stop()
    bench.run()
    check_each_once(table.events, bench.events())


@pytest.mark.faults
def test_killed_database_is_read_on_when_it_is_back(bench: Bench, table: ChangedTable, postgres: Stack) -> None:
    table.insert(0, 10)
    process = bench.start(silence_s=3)
    try:
        wait_until(lambda: bench.entry(), "the snapshot")
        table.insert(10, 3_000)
        postgres.kill("postgres")
        postgres.up("postgres")
        table.connect()
        table.update(range(100))
        status = process.wait(40)
    finally:
        process.kill()
        process.wait()
    assert status == 0, bench.log_tail()
    check_each_once(table.events, bench.events())
    assert bench.entry().delivered == 3_110  # type: ignore[union-attr]
