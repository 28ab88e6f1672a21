"""Rows of a compacted topic: the newest of each key counts, and one that is odd can be mended by a newer."""

from typing import Any

import pytest

from ingest_sources.references.topic_reference import KeyedRows
from ingest_sources.rules.lookup_model import TopicReference
from ingest_sources.rules.steps import ReferenceWrong


class Record:
    """As much of a Kafka message as is looked at."""

    def __init__(self, key: bytes | None, value: bytes | None) -> None:
        self._key, self._value = key, value

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def topic(self) -> str:
        return "sites"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7


def keyed(*columns: str, **options: Any) -> KeyedRows:
    return KeyedRows(TopicReference(topic="sites", **options), columns)


def take(rows: KeyedRows, *records: tuple[bytes | None, bytes | None]) -> None:
    rows.take([Record(*record) for record in records])  # type: ignore[misc]


def test_the_newest_value_of_a_key_counts() -> None:
    rows = keyed("zone", "at.lon")
    take(rows, (b"a", b'{"zone": "x"}'), (b"b", b'{"zone": "y", "at": {"lon": 1.5}}'), (b"a", b'{"zone": "z"}'))
    assert list(rows.table().iter_rows()) == [("z", None), ("y", 1.5)]
    take(rows, (b"a", None), (b"c", None))
    assert list(rows.table().iter_rows()) == [("y", 1.5)]


def test_it_is_the_same_table_until_there_is_another_record() -> None:
    rows = keyed("zone")
    take(rows, (b"a", b'{"zone": "x"}'))
    before = rows.table()
    take(rows)
    assert rows.table() is before
    take(rows, (b"a", b'{"zone": "x"}'))
    assert rows.table() is not before


@pytest.mark.parametrize(
    ("template", "key", "columns"),
    [
        ("id", "north/1", {"id": "north/1"}),
        ("{id}", "north/1", {"id": "north/1"}),
        ("{site}/{device}", "north/hall/1", {"site": "north", "device": "hall/1"}),
        ("v1.{site}+", "v1.a+b+", {"site": "a+b"}),
    ],
)
def test_the_key_gives_columns(template: str, key: str, columns: dict[str, str]) -> None:
    rows = keyed(*columns, key=template)
    take(rows, (key.encode(), b'{"id": "of the value", "site": 1}'))
    assert rows.table().to_dicts() == [columns]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (b"a/b", b"[1]", "offset 7 of sites-3: it is an array"),
        (b"a/b", b"<x/>", "offset 7 of sites-3: "),
        (b"ab", b"{}", "its key is not {site}/{device}"),
        (b"/b", b"{}", "its key is not"),
        (b"\xff/b", b"{}", "can't decode"),
    ],
)
def test_an_odd_record_is_told_until_its_key_has_another(key: bytes, value: bytes, said: str) -> None:
    rows = keyed("site", key="{site}/{device}")
    take(rows, (b"x/y", b"{}"), (key, value))
    for _ in range(2):
        with pytest.raises(ReferenceWrong, match=f"{said}.*; write that key anew, or delete it"):
            rows.table()
    take(rows, (key, None))
    assert rows.table()["site"].to_list() == ["x"]


def test_what_has_no_key_is_no_reference() -> None:
    with pytest.raises(ReferenceWrong, match="has no key"):
        take(keyed("a"), (None, b"{}"))


def test_keys_are_bounded_and_those_that_were_deleted_do_not_count() -> None:
    rows = keyed("a", max_rows=2)
    take(rows, (b"a", b"{}"), (b"b", b"{}"), (b"a", None), (b"b", b"{}"), (b"c", b"{}"))
    with pytest.raises(ReferenceWrong, match="topic sites has more rows than max_rows, 2"):
        take(rows, (b"d", b"{}"))


def test_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_sources.references.size.MAX_BYTES", 100)
    rows = keyed("a")
    for _ in range(5):
        take(rows, (b"a", b'{"b": "%s"}' % (b"x" * 50)))
    with pytest.raises(ReferenceWrong, match="more than 0 MiB"):
        take(rows, (b"b", b'{"b": "%s"}' % (b"x" * 50)))


def test_a_topic_without_records_is_an_empty_table_with_its_columns() -> None:
    assert keyed("a", "b").table().shape == (0, 2)
