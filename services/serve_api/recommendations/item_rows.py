"""Items and recommendations as rows of the API's answers."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from headrace.interactions.records import Item
from headrace.recommend.asked import RecommendedItem
from serve_api.times import iso

_UNLISTED = Item("", "", 0)
"""In place of one that people turn to and the catalog doesn't have."""
_ITEM: JsonValue = {
    "item": "mug-blue",
    "title": "Blue mug",
    "category": "kitchen",
    "tags": ["ceramic"],
    "price": 9.5,
    "image": "/images/mug-blue.jpg",
    "available": True,
    "min_age": 3,
    "created": "2026-01-30T08:00:00.000000Z",
    "updated": "2026-01-31T12:00:00.000000Z",
    "attributes": {},
}
_CHOICE: JsonValue = {
    "item": "mug-blue",
    "title": "Blue mug",
    "category": "kitchen",
    "price": 9.5,
    "image": "/images/mug-blue.jpg",
    "available": True,
    "position": 0,
    "score": -1.25,
    "source": "together",
    "explored": False,
    "reasons": ["goes with teapot-white"],
}
_ANSWER: JsonValue = {
    "id": "C5m3VxqcQmS3pJw0hVYkVg",
    "surface": "home",
    "made": "2026-01-31T12:00:00.000000Z",
    "kind": "personal",
    "items": [_CHOICE],
    "arms": {"more_variety": "control"},
    "versions": {"online": 1234},
    "degraded": [],
}


@with_config(ConfigDict(json_schema_extra={"examples": [_ITEM]}))
class ItemRow(TypedDict):
    """An item of the catalog."""

    item: str
    title: str
    category: str | None
    tags: list[str]
    price: float | None
    image: str | None
    available: bool
    min_age: Annotated[int | None, Field(description="Years")]
    created: Annotated[str | None, Field(description="ISO 8601 in UTC")]
    updated: Annotated[str, Field(description="ISO 8601 in UTC")]
    attributes: dict[str, str | float | bool]


@with_config(ConfigDict(json_schema_extra={"examples": [{"items": [_ITEM], "next": "WyJtdWciXQ"}]}))
class ItemList(TypedDict):
    """A page of the catalog, by item id."""

    items: list[ItemRow]
    next: str | None


@with_config(ConfigDict(json_schema_extra={"examples": [_CHOICE]}))
class ChoiceRow(TypedDict):
    """An item that is recommended."""

    item: str
    title: str
    category: str | None
    price: float | None
    image: str | None
    available: bool
    position: Annotated[int, Field(description="From 0; send it with the events of the item")]
    score: Annotated[float, Field(description="The ranker's, log odds")]
    source: Annotated[str, Field(description="Whose candidate it is")]
    explored: Annotated[bool, Field(description="The place was given away, to learn")]
    reasons: Annotated[list[str], Field(description="Why it is here, the most telling first")]


@with_config(ConfigDict(json_schema_extra={"examples": [_ANSWER]}))
class RecommendationList(TypedDict):
    """Recommendations. Send `id` and `position` with the impressions and clicks of its items."""

    id: str
    surface: str
    made: Annotated[str, Field(description="ISO 8601 in UTC")]
    kind: Annotated[
        str,
        Field(
            description="`personal`; `cold`: nothing is known of the person; or `impersonal`: nobody is named, the "
            "person doesn't consent, or is taken for none"
        ),
    ]
    items: list[ChoiceRow]
    arms: Annotated[dict[str, str], Field(description="Experiment → arm that the person is in")]
    versions: Annotated[dict[str, int], Field(description="Model → version")]
    degraded: Annotated[list[str], Field(description="Parts that were away; `record`: of the answer's own record")]


def item_row(item: Item) -> ItemRow:
    """An item."""
    return {
        "item": item.item,
        "title": item.title,
        "category": item.category,
        "tags": list(item.tags),
        "price": item.price,
        "image": item.image,
        "available": item.available,
        "min_age": item.min_age,
        "created": None if item.created is None else iso(item.created),
        "updated": iso(item.updated),
        "attributes": item.attributes,
    }


def choice_row(position: int, choice: RecommendedItem, item: Item | None) -> ChoiceRow:
    """A recommended item with what the catalog has of it."""
    known = item or _UNLISTED
    return {
        "item": choice.item,
        "title": known.title,
        "category": known.category,
        "price": known.price,
        "image": known.image,
        "available": known.available,
        "position": position,
        "score": round(choice.score, 4),
        "source": choice.source,
        "explored": choice.explored,
        "reasons": list(choice.reasons),
    }
