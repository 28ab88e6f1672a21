"""How OpenAPI describes the bodies of events and items. What is checked is in `headrace.interactions`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from headrace.interactions import item as items
from headrace.interactions.event import KINDS
from headrace.interactions.limits import MAX_FIELDS, MAX_ID, MAX_ITEM, MAX_TEXT
from serve_api.events.sent import MAX_MANY

_EVENT: JsonValue = {
    "id": "019bd5c2-4e80-7b6e-9d3c-2f1a7c5d8e90",
    "kind": "view",
    "session": "b2c9e1f4a7d84f52",
    "item": "espresso-cup",
    "time": "2026-01-31T12:00:00Z",
    "context": {"page": "home"},
}
_PURCHASE: JsonValue = {
    "id": "order-17/1",
    "kind": "purchase",
    "user": "42",
    "item": "espresso-cup",
    "value": 9.5,
    "quantity": 2,
    "personal": {"email": "jo@example.com"},
}
_FIELDS: dict[str, JsonValue] = {
    "title": "Espresso cup, white",
    "category": "cups",
    "tags": ["coffee", "porcelain"],
    "price": 9.5,
    "available": True,
}
_ITEM: JsonValue = {"item": "espresso-cup", **_FIELDS}
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Time = Annotated[str | float, Field(description="ISO 8601 with a zone, or an epoch number in s, ms, µs or ns")]
Attributes = Annotated[
    dict[str, Annotated[str, Field(max_length=MAX_TEXT)] | float | bool], Field(max_length=MAX_FIELDS)
]
_KINDS = Literal[KINDS]  # type: ignore[valid-type]  # the literals of the record


class EventBody(BaseModel):
    """One thing that one person did. `user` or `session` is needed, and `item` of all kinds but consent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EVENT, _PURCHASE]})

    id: Annotated[Id | None, Field(description="Yours: sent again with it the event counts once. Visible ASCII")] = None
    kind: Annotated[_KINDS, Field(description="What was done; `type` means the same")]
    user: Annotated[Id | int | None, Field(description="Your id of the user")] = None
    session: Annotated[Id | int | None, Field(description="Your id of the visit, of a user or of somebody else")] = None
    item: Annotated[Annotated[str, Field(max_length=MAX_ITEM)] | int | None, Field(description="The item's id")] = None
    time: Annotated[Time | None, Field(description="When it was done; now, if left out")] = None
    value: Annotated[
        float | None,
        Field(description="Of a rating 0 to 10, of a dwell its seconds, of a purchase what it cost; of no other kind"),
    ] = None
    quantity: Annotated[int, Field(ge=1, description="Of cart and purchase")] = 1
    recommendation: Annotated[Id | None, Field(description="The id of the answer in which the item was shown")] = None
    position: Annotated[int | None, Field(ge=0, description="Its place there, from 0")] = None
    consent: Annotated[bool | None, Field(description="Of kind consent: may we personalise?")] = None
    context: Annotated[
        Attributes,
        Field(description="What else is known. E-mail and IP addresses, and fields of personal names, are encrypted"),
    ] = {}
    personal: Annotated[Attributes, Field(description="What is personal: encrypted with the person's own key")] = {}


class EventsBody(BaseModel):
    """Several events."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"events": [_EVENT]}]})

    events: Annotated[list[EventBody], Field(min_length=1, max_length=MAX_MANY)]
    user_token: Annotated[str | None, Field(description="As the header X-User-Token")] = None


class ItemFields(BaseModel):
    """An item; it replaces all that was known of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_FIELDS]})

    title: Annotated[str, Field(max_length=items.MAX_TITLE)] = ""
    category: Annotated[str | None, Field(max_length=items.MAX_CATEGORY)] = None
    tags: Annotated[
        list[Annotated[str, Field(max_length=items.MAX_TAG)]],
        Field(max_length=items.MAX_TAGS, description="Words that likeness is told by, such as genres or brands"),
    ] = []
    price: Annotated[float | None, Field(ge=0, le=items.MAX_PRICE)] = None
    image: Annotated[str | None, Field(description="Address of a picture")] = None
    available: Annotated[bool, Field(description="Whether it is recommended")] = True
    min_age: Annotated[int | None, Field(ge=0, le=items.MAX_AGE, description="Years")] = None
    created: Annotated[Time | None, Field(description="Since when there is one")] = None
    attributes: Attributes = {}


class ItemBody(ItemFields):
    """An item with its id."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_ITEM]})

    item: Annotated[Annotated[str, Field(min_length=1, max_length=MAX_ITEM)] | int, Field(description="The item's id")]


class ItemsBody(BaseModel):
    """Several items."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": [_ITEM]}]})

    items: Annotated[list[ItemBody], Field(min_length=1, max_length=MAX_MANY)]
