"""One item as a client sends it."""

from typing import Any

import pytest

from headrace.interactions.fault import Refused
from headrace.interactions.item import item_id, item_of
from headrace.interactions.records import Item

NOW = 1_769_860_800_000_000
FULL: dict[str, Any] = {
    "item": "cup/white",
    "title": "Cup",
    "category": "cups",
    "tags": ["coffee", "white", "coffee"],
    "price": 9.5,
    "image": "/cup.png",
    "available": False,
    "min_age": 18,
    "created": "2026-01-01T00:00:00Z",
    "attributes": {"weight": 250, "is_new": True},
}


def test_an_item_has_one_form() -> None:
    assert item_of(FULL, "shop", NOW) == Item(
        "shop",
        "cup/white",
        NOW,
        "Cup",
        "cups",
        ("coffee", "white"),
        9.5,
        "/cup.png",
        False,
        18,
        1_767_225_600_000_000,
        {"weight": 250.0, "is_new": True},
    )
    assert item_of({"item": 7}, "shop", NOW) == Item("shop", "7", NOW)


def test_its_id_can_stand_elsewhere() -> None:
    assert item_of({"title": "Cup"}, "shop", NOW, "cup").item == "cup"
    assert item_of({"item": "cup"}, "shop", NOW, "cup").item == "cup"
    with pytest.raises(Refused, match="leave it out"):
        item_of({"item": "saucer"}, "shop", NOW, "cup")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"item": None}, "item"),
        ({"item": ""}, "item"),
        ({"title": "x" * 513}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"tags": "coffee"}, "tags"),
        ({"tags": [1]}, "tags.0"),
        ({"tags": ["x"] * 65}, "tags"),
        ({"price": -1}, "price"),
        ({"price": float("nan")}, "price"),
        ({"image": "javascript:alert(1)"}, "image"),
        ({"available": "no"}, "available"),
        ({"min_age": 1.5}, "min_age"),
        ({"created": "soon"}, "created"),
        ({"attributes": {"a": []}}, "attributes.a"),
        ({"updated": 5}, "updated"),
        ({"site": "other"}, "site"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], name: str) -> None:
    with pytest.raises(Refused) as refused:
        item_of({**FULL, **change}, "shop", NOW)
    assert [fault.name for fault in refused.value.faults] == [name]


@pytest.mark.parametrize("wrong", ["", "x" * 257, "a\nb"])
def test_an_id_by_itself_is_checked(wrong: str) -> None:
    assert item_id("cup/white") == "cup/white"
    with pytest.raises(Refused):
        item_id(wrong)
