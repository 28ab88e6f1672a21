"""`/v1/items`: the catalog as it is known here."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from headrace.interactions.records import Item
from serve_api.paging import CursorText, ListPaging, PageQuery
from serve_api.problems import responses
from serve_api.recommendations.asked import Category
from serve_api.recommendations.item_rows import ItemList, ItemRow, item_row
from serve_api.routes.recommendations import unknown_item
from serve_api.services import JsonAnswer, Recommender, ServicesDep

router = APIRouter(prefix="/v1/items", tags=["items"])
MAX_ITEMS = 500
_LOOKED_AT = 5_000
"""Items of the catalog for one page; looking through all would hold up other requests."""


class ItemQuery(PageQuery):
    """What to list."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS, description="Items a page at most")] = 50
    cursor: CursorText | None = None
    category: Annotated[Category | None, Field(description="Only items of it")] = None
    tag: Annotated[str | None, Field(description="Only items with it", min_length=1, max_length=256)] = None
    available: Annotated[bool | None, Field(description="Only items that can, or can't, be had")] = None
    text: Annotated[
        str | None, Field(description="Only items with it in their title", min_length=1, max_length=256)
    ] = None

    def takes(self, item: Item) -> bool:
        """Whether the item is asked for."""
        return (
            self.category in (None, item.category)
            and (self.tag is None or self.tag in item.tags)
            and self.available in (None, item.available)
            and (self.text is None or self.text.casefold() in item.title.casefold())
        )


@router.get("", response_model=ItemList, responses=responses(401, 403, 422, 429, 503))
async def list_items(query: Annotated[ItemQuery, Query()], principal: Recommender, services: ServicesDep) -> JsonAnswer:
    """The catalog by item id. A page may be shorter than `limit`, or empty, and still have a `next`."""
    selection = tuple(str(each) for each in (query.category, query.tag, query.available, query.text))
    paging = ListPaging(query, principal.site, selection, (str,))
    after = None if paging.after is None else str(paging.after[0])
    found: list[ItemRow] = []
    reached: str | None = None
    for looked_at, item in enumerate(services.recommendations.state.sites.of(principal.site).items_from(after)):
        if len(found) == query.limit or looked_at == _LOOKED_AT:
            break
        reached = item.item
        if query.takes(item):
            found.append(item_row(item))
    else:
        reached = None
    answered: ItemList = {"items": found, "next": paging.next(None if reached is None else (reached,))}
    return JsonAnswer(answered)


@router.get("/{item:path}", response_model=ItemRow, responses=responses(401, 403, 404, 422, 429, 503))
async def get_item(
    item: Annotated[str, Path(description="The item; its id may hold slashes")],
    principal: Recommender,
    services: ServicesDep,
) -> JsonAnswer:
    """An item of the catalog."""
    found = services.recommendations.state.sites.of(principal.site).find(item)
    if found is None:
        raise unknown_item(services, item)
    return JsonAnswer(item_row(found))
