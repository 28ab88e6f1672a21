"""Rows of a shop's files as interactions and items, on a real Kafka and Cassandra: under subjects, each row once."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message

from deploy.local.stack import Stack
from headrace.cassandra import CassandraSettings
from headrace.interactions.records import Interaction, Item
from headrace.kafka import headers_of_message
from headrace.records import decode
from headrace.subjects.keys import ensure_keys
from headrace.subjects.subjects import Subjects, open_subjects
from headrace.testing import wait_until
from tests.integration.ingest_sources.bench import SourceBench
from tests.integration.ingest_sources.changed_table import ChangedTable
from tests.integration.ingest_sources.changes_reader import PASSWORD, options_of
from tests.integration.ingest_sources.command import Command
from tests.integration.ingest_sources.feed_bench import FeedBench
from tests.integration.subjects.traces import forms, records_with

pytestmark = pytest.mark.integration
# As services/ingest_sources/README.md shows it.
RULES = [
    {"trim": "all"},
    {"missing": {"values": [""]}},
    {"cast": {"columns": {"Quantity": "integer", "UnitPrice": "number"}}},
    {"time": {"from": ["InvoiceDate"], "formats": ["%Y-%m-%d %H:%M:%S"], "zone": "Europe/London", "into": "time"}},
    {"require": ["CustomerID"]},
    {"range": {"column": "Quantity", "min": 1}},
    {"derive": {"total": "Quantity * UnitPrice"}},
]
PURCHASES = {
    "topic": "interactions.raw",
    "user": "{CustomerID}",
    "session": "{InvoiceNo}",
    "kind": "purchase",
    "item": "{StockCode}",
    "value": "total",
    "quantity": "Quantity",
    "personal": ["Country"],
}
ITEMS = {"topic": "items.catalog", "item": "{sku}", "title": "{name}", "price": "price", "available": "sold"}


class ShopBench(SourceBench):
    """A source of interactions on a site of its own; `keys` is the file that all edges have."""

    def __init__(self, stack: Stack, root: Path) -> None:
        super().__init__(stack.brokers, root)
        self.stack = stack
        self.keys_file = root / "subjects.json"
        ensure_keys(self.keys_file)

    def environment(self) -> dict[str, str]:
        own = {"SUBJECT_KEYS": str(self.keys_file), "CASSANDRA_PORT": str(self.stack.ports.cassandra)}
        return {**super().environment(), **{f"INGEST_SOURCES_{name}": value for name, value in own.items()}}

    def interactions(self) -> list[tuple[Message, Interaction]]:
        found = [(message, decoded(message)) for message in self.messages_of("interactions.raw")]
        return [(message, one) for message, one in found if isinstance(one, Interaction) and one.site == self.name]


def decoded(message: Message) -> object:
    return decode(message.value(), headers_of_message(message)) if message.value() else None


@pytest.fixture
def shop(stack: Stack, tmp_path: Path) -> ShopBench:
    stack.create_tables()
    bench = ShopBench(stack, tmp_path)
    bench.configure(rules=RULES, into={**PURCHASES, "site": bench.name})
    return bench


@pytest.fixture
def edge(shop: ShopBench) -> Iterator[Subjects]:
    """Subjects as the API has them."""
    settings = CassandraSettings(brokers=shop.brokers, cassandra_port=shop.stack.ports.cassandra)
    subjects = open_subjects(settings, shop.keys_file)
    subjects.erased.start()
    yield subjects
    subjects.erased.stop()
    subjects.store.close()


HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def sales(first: int, count: int) -> str:
    rows = (
        f"{number // 5},S{number % 11},CUP,{'x' if number % 50 == 7 else number % 4 + 1},2010-12-01 08:26:00,2.55,"
        f"customer-{number % 37},Utopia-{number}\n"
        for number in range(first, first + count)
    )
    return HEADER + "".join(rows)


def test_rows_of_a_day_are_purchases_of_the_apis_subjects(shop: ShopBench, edge: Subjects) -> None:
    shop.drop("2010-12-01.csv", sales(0, 120))
    shop.load()
    found = shop.interactions()
    assert len(found) == 117
    by_row = {dict(headers_of_message(message))["source.row"]: (message, one) for message, one in found}
    message, one = by_row[b"1"]
    subject = edge.subject_of(shop.name, "customer-0")
    assert (message.key(), one.subject) == (subject.id.encode(), subject.id)
    assert (one.kind, one.item, one.quantity, one.value, one.time) == ("purchase", "S0", 1, 2.55, 1_291_191_960_000_000)
    assert len({one.subject for _, one in found}) == 37
    assert len({one.id for _, one in found}) == 117
    letters = shop.letters()
    assert sorted(letter.source.offset for letter in letters) == [8, 58, 108]
    secrets = {form for secret in ("customer-7", "customer-20", "Utopia-57", "Utopia-3") for form in forms(secret)}
    assert records_with(shop.brokers, secrets) == []


@pytest.mark.parametrize(("step", "count"), [("produced", 2), ("committed", 2)])
def test_kill_amid_a_file_gives_each_row_once(shop: ShopBench, step: str, count: int) -> None:
    shop.drop("0.csv", sales(0, 2_400))
    shop.kill_at(step, count)
    shop.load()
    rows = Counter(dict(headers_of_message(message))["source.row"] for message, _ in shop.interactions())
    assert rows == {str(number + 1).encode(): 1 for number in range(2_400) if number % 50 != 7}


def test_rows_that_come_again_by_a_backfill_are_the_same_interactions(
    shop: ShopBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("0.csv", sales(0, 100))
    shop.load()
    command = Command(shop.environment(), monkeypatch)
    command("backfill", shop.name, "*")
    ids = Counter((one.subject, one.id) for _, one in shop.interactions())
    assert len(ids) == 98
    assert set(ids.values()) == {2}


def test_cassandra_that_is_away_keeps_a_file_until_it_is_back(shop: ShopBench) -> None:
    shop.drop("0.csv", sales(0, 100))
    shop.stack.kill("cassandra")
    try:
        process = shop.start()
        wait_until(
            lambda: (shop.log.exists() and "subjects" in shop.log_tail()) or process.poll() is not None, "a try", 60
        )
        assert shop.interactions() == []
        assert shop.letters() == []
        process.kill()
        process.wait(10)
    finally:
        shop.stack.up("cassandra")
    shop.load()
    assert len(shop.interactions()) == 98


def test_check_shows_interactions_and_makes_no_subject(
    shop: ShopBench, edge: Subjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("0.csv", sales(0, 20))
    command = Command(shop.environment(), monkeypatch)
    shown = command("check", shop.name)
    assert "the first 20 rows give 19 records" in shown
    assert '"kind":"purchase"' in shown
    assert "customer-" not in shown
    assert edge.find(shop.name, "customer-0") is None
    monkeypatch.delenv("INGEST_SOURCES_SUBJECT_KEYS")
    assert "set INGEST_SOURCES_SUBJECT_KEYS" in command.refused("run", shop.name)


def test_items_of_a_file_are_in_the_catalog(shop: ShopBench) -> None:
    rules = [{"cast": {"columns": {"price": "number", "sold": "boolean"}}}]
    shop.configure(rules=rules, into={**ITEMS, "site": shop.name})
    shop.drop("items.csv", "sku,name,price,sold\na,Cup,9.5,true\nb,Plate,none,true\nc,Bowl,3,false\n")
    shop.load()
    read = [decoded(message) for message in shop.messages_of("items.catalog")]
    found = {one.item: one for one in read if isinstance(one, Item) and one.site == shop.name}
    assert {name: (one.title, one.price, one.available) for name, one in found.items()} == {
        "a": ("Cup", 9.5, True),
        "c": ("Bowl", 3.0, False),
    }
    assert [letter.source.offset for letter in shop.letters()] == [2]


def test_changes_of_a_table_are_items_that_come_change_and_go(
    table: ChangedTable, kafka: Stack, tmp_path: Path
) -> None:
    feed = FeedBench(kafka.brokers, tmp_path)
    feed.secret("shop", PASSWORD)
    into = {"topic": "items.catalog", "site": feed.name, "item": "{id}", "title": "{body}", "price": "version"}
    feed.configure({"kind": "changes", "changes": options_of(table), "into": into})
    table.insert(0, 3)
    feed.run()
    table.update([0])
    table.sql("DELETE FROM {table} WHERE id = 1")
    feed.run()
    last: dict[bytes, Message] = {}
    for message in feed.messages_of("items.catalog"):
        if (key := message.key() or b"").startswith(f"{feed.name}/".encode()):
            last[key] = message
    kept = {key.rsplit(b"/", 1)[1]: decoded(message) for key, message in last.items()}
    assert kept[b"1"] is None
    assert {key: one.price for key, one in kept.items() if isinstance(one, Item)} == {b"0": 4.0, b"2": 3.0}


def test_first_days_of_a_real_shop(shop: ShopBench, shared_data: Path) -> None:
    days = sorted((shared_data / "interactions" / "uci-online-retail").glob("*.csv"))[:2]
    wanted: Counter[tuple[str, str, int]] = Counter()
    customers = set()
    for day in days:
        shop.drop(day.name, day.read_bytes())
        with day.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.DictReader(lines), 1):
                if row["CustomerID"].strip() and int(row["Quantity"]) > 0:
                    customers.add(row["CustomerID"].strip())
                    wanted[day.name, row["StockCode"].strip(), number] += 1
    shop.load()
    found = shop.interactions()
    places: Counter[tuple[str, str, int]] = Counter()
    for message, one in found:
        headers = dict(headers_of_message(message))
        places[headers["source.file"].decode(), str(one.item), int(headers["source.row"])] += 1
    assert places == wanted
    assert len({one.subject for _, one in found}) == len(customers)
