"""`/v1/items`: what can be recommended, as the shop knows it."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from headrace.interactions.limits import MAX_EACH_BYTES
from serve_api.direct_route import DirectRoute
from serve_api.events.answers import ItemsTaken
from serve_api.events.bodies import ItemBody, ItemFields, ItemsBody
from serve_api.events.cost import extra_cost
from serve_api.events.sent import MAX_BYTES, check_json, read_items
from serve_api.problems import responses
from serve_api.services import ItemWriter, JsonAnswer, ServicesDep
from serve_api.timely_body import read_timely

router = APIRouter(prefix="/v1/items", tags=["items"], route_class=DirectRoute)
BODIES = (ItemFields, ItemBody, ItemsBody)
_SCHEMAS = "#/components/schemas/"
_ITEM: dict[str, Any] = {
    "name": "item",
    "in": "path",
    "required": True,
    "description": "The item's id; slashes as they are, or as %2F",
    "schema": {"type": "string"},
}


def _body(*names: str) -> dict[str, Any]:
    schemas = [{"$ref": _SCHEMAS + name} for name in names]
    return {"required": True, "content": {"application/json": {"schema": {"anyOf": schemas}}}}


@with_config(ConfigDict(json_schema_extra={"examples": [{"item": "espresso-cup"}]}))
class ItemTaken(TypedDict):
    """An item that was put or removed."""

    item: Annotated[str, Field(description="Its id")]


@router.post(
    "",
    status_code=202,
    response_model=ItemsTaken,
    responses=responses(401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": _body("ItemsBody", "ItemBody")},
)
async def put_items(request: Request, principal: ItemWriter, services: ServicesDep) -> JsonAnswer:
    """Puts up to 1,000 items, as `{"items": [...]}`, one alone, or one a line (`application/x-ndjson`).

    Each replaces all that was known of it. The answer comes when all that are right are safely in Kafka; `refused`
    names those that are wrong, by their places. After a 503 it is unknown which are taken: sending them again is safe.
    """
    with services.event_places.one_for(request, principal.client.kind):
        body = await read_timely(request, MAX_BYTES, services.settings.events_body_timeout)
        sent = read_items(body, request.headers)
        services.clients.charge(principal.client, request, extra_cost(len(sent.each)))
        return JsonAnswer(await services.items.put_many(principal.site, sent), 202)


@router.put(
    "/{item:path}",
    status_code=202,
    response_model=ItemTaken,
    responses=responses(401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra={"parameters": [_ITEM], "requestBody": _body("ItemFields", "ItemBody")},
)
async def put_item(request: Request, principal: ItemWriter, services: ServicesDep) -> JsonAnswer:
    """Puts an item, which replaces all that was known of it.

    The answer comes when it is safely in Kafka; it is recommended from a moment later on.
    """
    check_json(request.headers)
    with services.event_places.one_for(request, principal.client.kind):
        body = await read_timely(request, MAX_EACH_BYTES, services.settings.events_body_timeout)
        put = await services.items.put(principal.site, request.path_params["item"], body)
    taken: ItemTaken = {"item": put.item}
    return JsonAnswer(taken, 202)


@router.delete(
    "/{item:path}",
    status_code=202,
    response_model=ItemTaken,
    responses=responses(401, 403, 422, 429, 503),
    openapi_extra={"parameters": [_ITEM]},
)
async def remove_item(request: Request, principal: ItemWriter, services: ServicesDep) -> JsonAnswer:
    """Removes an item: it is recommended no more. What people did with it stays.

    It is no error where there was none. An item that is only out of stock is better put with `available: false`.
    """
    item: str = request.path_params["item"]
    await services.items.remove(principal.site, item)
    taken: ItemTaken = {"item": item}
    return JsonAnswer(taken, 202)
