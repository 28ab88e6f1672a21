"""A position is worth something only for the table, the order and the types that it was taken of."""

from collections.abc import Mapping

import msgspec
import pytest

from headrace.errors import ConfigurationError
from ingest_sources.databases.position import Pending, Position

KINDS = {"id": "integer", "amount": "decimal"}


def today(*order: str, revision: int = 0, kinds: Mapping[str, str] = KINDS) -> Position:
    return Position(of=("incremental", "shop.orders", *order), kinds=kinds, revision=revision)


def of_today(position: Position, *order: str, revision: int = 0, kinds: Mapping[str, str] = KINDS) -> Position:
    return position.now_of(today(*(order or ("id",)), revision=revision, kinds=kinds), names_columns=False)


def test_comes_back_from_a_cursor() -> None:
    pending = Pending(("text", "2026-01-01 00:00:00+00"), "2025-12-31", ("3/17", "735"))
    position = of_today(Position()).after([("int", "7")], 3).with_pending(pending)
    cursor = msgspec.json.decode(msgspec.json.encode(position.to_cursor()))
    assert Position.of_cursor(cursor) == position


def test_other_order_or_table_is_refused_where_a_key_depends_on_it() -> None:
    position = of_today(Position())
    of_today(position, "amount", "id")
    with pytest.raises(ConfigurationError, match=r"by shop.orders \(incremental, by id\), and now is by .* amount, id"):
        of_today(position.after([("int", "7")], 1), "amount", "id")


@pytest.mark.parametrize(
    ("kinds", "what"),
    [({"id": "integer"}, "was decimal and is not there any more"), ({**KINDS, "amount": "text"}, "is text now")],
)
def test_column_that_changed_is_named_until_the_revision_says_that_it_is_meant(
    kinds: dict[str, str], what: str
) -> None:
    position = of_today(Position())
    with pytest.raises(ConfigurationError, match=f"column 'amount' of shop.orders .*{what}.*database.revision to 1"):
        of_today(position, kinds=kinds)
    assert of_today(position, revision=1, kinds=kinds).kinds == kinds


def test_column_more_is_no_change() -> None:
    kinds = {**KINDS, "note": "text"}
    assert of_today(of_today(Position()), kinds=kinds).kinds == kinds


def test_column_that_the_file_does_not_name_any_more_is_no_change_of_the_table() -> None:
    position = of_today(Position())
    assert position.now_of(today("id", kinds={"id": "integer"}), names_columns=True).kinds == {"id": "integer"}


def test_cursor_of_another_kind_of_source_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="of another kind before"):
        Position.of_cursor({"row": "many"})
