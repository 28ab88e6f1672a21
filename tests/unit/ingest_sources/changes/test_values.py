"""PostgreSQL's texts become the types of rules, keys are ordered as it orders them, and snapshots see what it says."""

import itertools
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest_sources.changes.array_text import parse_array
from ingest_sources.changes.changes_source import ChangesOptions, parameters_of
from ingest_sources.changes.column_types import ColumnType, Kind
from ingest_sources.changes.key_order import key_of
from ingest_sources.changes.lsn import lsn_text, parse_lsn
from ingest_sources.changes.seen_transactions import Seen


@pytest.mark.parametrize(
    ("kind", "texts", "values"),
    [
        (Kind.INTEGER, ["1", "-9223372036854775808"], [1, -(2**63)]),
        (Kind.FLOAT, ["1.5", "-Infinity", "1e-300"], [1.5, float("-inf"), 1e-300]),
        (Kind.BOOLEAN, ["t", "f"], [True, False]),
        (Kind.TIME, ["1970-01-01 00:00:01+00", "1969-12-31 23:59:59.999999+00"], [1_000_000, -1]),
        (Kind.LOCAL_TIME, ["2026-01-02 03:04:05.6"], ["2026-01-02T03:04:05.6"]),
        (Kind.BYTES, ["\\x00ff", "\\x"], ["00ff", ""]),
        (Kind.TEXT, ["1.50", ""], ["1.50", ""]),
    ],
)
def test_texts_become_values(kind: Kind, texts: list[str], values: list[Any]) -> None:
    found = ColumnType(0, kind).convert(pl.Series([*texts, None], dtype=pl.String))
    assert found.to_list() == [*values, None]


@pytest.mark.parametrize("text", ["infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00"])
def test_time_that_no_record_can_hold_is_no_value(text: str) -> None:
    assert ColumnType(0, Kind.TIME).convert(pl.Series([text])).to_list() == [None]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Kind.INTEGER, "{1,NULL,-2}", "[1,null,-2]"),
        (Kind.INTEGER, "[0:1][1:1]={{7},{8}}", "[[7],[8]]"),
        (Kind.TEXT, r'{a,"b c","NULL","q\"\\x",""}', r'["a","b c","NULL","q\"\\x",""]'),
        (Kind.FLOAT, "{1.5,NaN,-Infinity}", '[1.5,"NaN","-Infinity"]'),
        (Kind.BOOLEAN, "{t,f}", "[true,false]"),
        (Kind.TIME, '{"1970-01-01 00:00:01+00"}', "[1000000]"),
        (Kind.BYTES, r'{"\\x00ff"}', '["00ff"]'),
        (Kind.TEXT, "{}", "[]"),
    ],
)
def test_arrays_become_json(kind: Kind, text: str, expected: str) -> None:
    assert ColumnType(0, kind, is_array=True).convert(pl.Series([text])).to_list() == [expected]


@pytest.mark.parametrize("text", ["", "1", "{", "{1", "{1}}", '{"a}', "{1}2"])
def test_no_array_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no array"):
        parse_array(text, str)


@pytest.mark.parametrize(
    ("oid", "ordered"),
    [
        (20, ["-10", "-9", "2", "10"]),
        (25, ["A", "B", "a", "é", "\uffff", "\U00010000"]),
        (1700, ["-Infinity", "-1.5", "2", "10.0", "Infinity", "NaN"]),
        (1082, ["-infinity", "0044-03-15 BC", "0001-01-01", "2026-01-02", "10000-01-01", "infinity"]),
        (1184, ["2026-01-01 00:00:00.5+00", "2026-01-01 00:00:00.51+00", "2026-01-01 00:00:01+00"]),
        (2950, ["0a000000-0000-0000-0000-000000000000", "a0000000-0000-0000-0000-000000000000"]),
    ],
)
def test_keys_are_ordered_as_postgresql_does(oid: int, ordered: list[str]) -> None:
    assert all(key_of([a], [oid]) < key_of([b], [oid]) for a, b in itertools.pairwise(ordered))


def test_key_of_several_columns_is_ordered_by_the_first() -> None:
    assert key_of(["2", "b"], [23, 25]) < key_of(["10", "a"], [23, 25])


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_snapshot_sees_what_had_ended_whatever_the_epoch(epoch: int) -> None:
    base = epoch << 32
    seen = Seen.parse(f"{base + 100}:{base + 110}:{base + 103},{base + 105}")
    assert Seen.parse(seen.text) == seen
    assert [xid for xid in range(98, 113) if seen.sees(xid)] == [98, 99, 100, 101, 102, 104, 106, 107, 108, 109]


def test_numbers_that_begin_anew_are_after_those_before() -> None:
    """A snapshot just after the 32 bits began anew: the last ones of the former epoch are in it, the next are not."""
    seen = Seen.parse(f"{(3 << 32) - 2}:{(3 << 32) + 5}:{(3 << 32) - 2}")
    assert [seen.sees(xid) for xid in (2**32 - 3, 2**32 - 2, 2**32 - 1, 3, 4, 5)] == [
        True,
        False,
        True,
        True,
        True,
        False,
    ]


def test_snapshot_that_lacks_what_an_earlier_one_saw_is_told() -> None:
    earlier = Seen.parse("10:20:12")
    assert Seen.parse("12:25:12,22").covers(earlier)
    assert not Seen.parse("12:25:12,13").covers(earlier)
    assert not Seen.parse("12:19:12").covers(earlier)


@given(st.integers(0, 2**64 - 1))
def test_lsn_is_as_postgresql_writes_it(lsn: int) -> None:
    assert parse_lsn(lsn_text(lsn)) == lsn


def test_url_becomes_parameters() -> None:
    found = parameters_of("postgresql://re%40d@db.example/shop?sslmode=verify-full")
    assert found == {
        "host": "db.example",
        "port": "5432",
        "user": "re@d",
        "dbname": "shop",
        "sslmode": "verify-full",
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "postgresql://a:hush@db/shop"}, "password_secret"),
        ({"url": "mysql://a@db/shop"}, "needs a user, a host and a database"),
        ({"url": "postgresql://a@db/shop?options=-cx"}, "options is not for a source to set"),
        ({"table": "orders"}, "table"),
        ({"slot": "orders"}, "slot"),
    ],
)
def test_mistake_in_the_file_is_told_without_the_password(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as raised:
        ChangesOptions.model_validate({"url": "postgresql://a@db/shop", "table": "public.orders", **changes})
    # What pydantic shows of the input is shown by no one else: `load_yaml` leaves it out where it may be a secret.
    assert "hush" not in str(raised.value.errors(include_input=False, include_url=False, include_context=False))
