"""What `unique` has seen goes to the ledger with the rows, and only what went there counts after a failure."""

from typing import Any

import polars as pl

from headrace.streams.batch import OutRecord, compact
from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.into import LEDGER, IntoOwnTopic
from ingest_sources.prepare import Prepared, Preparer
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, Rows
from ingest_sources.rules.apply import RuleSet
from ingest_sources.rules.models import read_rules
from ingest_sources.seen_keeper import SeenKeeper

RULES = [{"unique": {"columns": "id", "within": 100}}, {"range": {"column": "a", "min": 0}}]


class Shop:
    """A free-form source, and what is committed of its windows."""

    def __init__(self) -> None:
        self.committed: dict[bytes, bytes] = {}
        self.preparer = self.started()

    def started(self, **changes: Any) -> Preparer:
        rules = read_rules([{"unique": {**RULES[0]["unique"], **changes}}, RULES[1]])
        source = FeedSource(name="shop", kind="test", rules=rules, into=IntoOwnTopic(topic="sources.shop", key="{id}"))
        rule_set = RuleSet(rules, is_free_form=True)
        keeper = SeenKeeper("shop", rule_set.windows, lambda: self.committed)
        return Preparer(source, rule_set, True, None, keeper)

    def prepare(self, *ids: int, a: list[Any] | None = None) -> Prepared:
        numbers = pl.Series(range(1, len(ids) + 1), dtype=pl.Int64)
        table = pl.DataFrame({ROW: numbers, "id": ids, "a": a or [1] * len(ids)})
        return self.preparer.prepare(Rows(table, (), len(ids)), Origin("shop", "orders", 0))

    def commit(self, records: Any) -> None:
        assert all(record.topic == LEDGER for record in records)
        compact(self.committed, [(record.key, record.value) for record in records])

    def passed(self, *ids: int, a: list[Any] | None = None) -> list[int]:
        prepared = self.prepare(*ids, a=a)
        self.commit(prepared.news)
        return [int(record.key or b"") for record in prepared.records]


def test_a_restart_goes_on_after_what_is_committed() -> None:
    shop = Shop()
    assert shop.passed(1, 2, 1) == [1, 2]
    shop.prepare(3)
    shop.preparer = shop.started()
    assert shop.passed(1, 3, 4) == [3, 4]
    assert all(key.startswith(b"shop/seen/") for key in shop.committed)


def test_what_was_prepared_and_given_up_is_not_known() -> None:
    shop = Shop()
    shop.passed(1)
    shop.prepare(2)
    shop.preparer.forget()
    assert shop.passed(1, 2) == [2]


def test_a_row_that_costs_itself_alone_is_looked_at_once() -> None:
    shop = Shop()
    prepared = shop.prepare(1, 2, 3, 4, a=["x", "y", "z", "y"])
    assert [row.number for row in prepared.bad] == [1, 2, 3, 4]
    assert all("a is String" in row.detail for row in prepared.bad)
    assert prepared.news == []
    assert shop.passed(1, 2, 2) == [1, 2]


def test_another_rule_begins_with_nothing() -> None:
    shop = Shop()
    shop.passed(1)
    shop.preparer = shop.started(within=50)
    assert shop.passed(1) == [1]


def test_rows_that_are_to_come_again_are_new() -> None:
    shop = Shop()
    shop.passed(1, 2)
    shop.commit(shop.preparer.begin_anew())
    assert shop.committed == {}
    assert shop.passed(1, 2) == [1, 2]
    assert [type(record) for record in shop.preparer.begin_anew()] == [OutRecord]
