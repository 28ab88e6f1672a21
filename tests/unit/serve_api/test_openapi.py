"""What OpenAPI says of the API: it holds together, each model has an example, and each example fits its model."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import SecurityScopes
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from headrace.interactions.event import FIELDS as EVENT_FIELDS
from headrace.interactions.event import event_of
from headrace.interactions.item import FIELDS as ITEM_FIELDS
from headrace.interactions.item import item_of
from serve_api.app import build_app
from serve_api.principal import Principal, Scope, authenticate, current_principal
from serve_api.problems import Problem
from serve_api.settings import Settings

LISTS = ["/v1/devices", "/v1/latest", "/v1/readings", "/v1/windows", "/v1/anomalies"]
PREDICTIONS = ["/v1/models", "/v1/models/{name}", "/v1/models/{name}/predict", "/v1/outcomes"]
RESOURCES = [
    *LISTS,
    *PREDICTIONS,
    "/v1/devices/{device}",
    "/v1/live/readings",
    "/v1/live/anomalies",
    "/v1/ingest/{source}",
    "/v1/events",
    "/v1/items",
    "/v1/items/{item}",
    "/v1/graphql",
    "/v1/users/{user}/data",
    "/v1/users/{user}/consent",
    "/v1/sessions/{session}/data",
    "/v1/sessions/{session}/consent",
]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return build_app(Settings.load())


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def _schemas(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "$ref" in node or "type" in node or "anyOf" in node:
            yield node
        for value in node.values():
            yield from _schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from _schemas(value)


def _validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    root = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:openapi", root)
    absolute = {"$id": "urn:model", **_absolute(schema)}
    return Draft202012Validator(absolute, registry=registry)


def _absolute(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: f"urn:openapi{value}" if key == "$ref" and isinstance(value, str) else _absolute(value)
            for key, value in node.items()
        }
    return [_absolute(item) for item in node] if isinstance(node, list) else node


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPI.model_validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = {node["$ref"] for node in _schemas(document) if "$ref" in node}
    assert references
    for reference in references:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_resource_is_described(document: dict[str, Any]) -> None:
    paths = {path.replace(":path", "") for path in document["paths"]}
    assert set(RESOURCES) <= paths
    assert set(document["paths"]["/v1/devices/{device}"]) == {"get", "put"}


def test_every_model_has_an_example_that_fits_it(document: dict[str, Any]) -> None:
    models = document["components"]["schemas"]
    assert len(models) >= 10
    for name, schema in models.items():
        assert schema.get("examples"), f"{name} has no example"
        for example in schema["examples"]:
            _validator(document, schema).validate(example)


def test_the_check_of_examples_can_fail(document: dict[str, Any]) -> None:
    page = document["components"]["schemas"]["ReadingPage"]
    wrong = {"items": [{**page["examples"][0]["items"][0], "flags": "stuck"}], "next": "x"}
    assert not _validator(document, page).is_valid(wrong)


@pytest.mark.parametrize("path", RESOURCES)
def test_every_route_says_what_goes_wrong(document: dict[str, Any], path: str) -> None:
    for operation in document["paths"][path].values():
        assert operation["description"]
        assert {"403", "422", "503"} <= operation["responses"].keys()
        for status in ("403", "422", "503"):
            assert "application/problem+json" in operation["responses"][status]["content"]


def _calls(dependant: Any) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def test_every_route_of_v1_takes_its_principal_from_the_one_place(app: FastAPI, document: dict[str, Any]) -> None:
    checked = 0
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.path.startswith("/v1/"):
            assert authenticate in set(_calls(route.dependant)), route.path
            checked += 1
    assert checked == sum(len(operations) for path, operations in document["paths"].items() if "/v1/" in path)


def test_every_route_of_v1_says_how_a_key_is_sent_and_what_is_answered_without(document: dict[str, Any]) -> None:
    assert document["security"] == [{}, {"bearer": []}, {"apiKey": []}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert not path.startswith("/v1/") or {"401", "429"} <= operation["responses"].keys()


def item_read(given: object, now_us: int) -> object:
    return item_of(given, "default", now_us)


@pytest.mark.parametrize(("body", "read"), [("EventBody", event_of), ("ItemBody", item_read)])
def test_what_is_said_of_events_and_items_is_what_is_taken(
    document: dict[str, Any], body: str, read: Callable[[object, int], object]
) -> None:
    schema = document["components"]["schemas"][body]
    fields = EVENT_FIELDS - {"type"} if body == "EventBody" else ITEM_FIELDS
    assert set(schema["properties"]) == fields
    for example in schema["examples"]:
        read(example, 1_769_860_800_000_000)


def test_a_principal_without_the_scope_is_refused() -> None:
    reader = Principal("default", frozenset({Scope.READ}))
    assert asyncio.run(current_principal(SecurityScopes([Scope.READ]), reader)) is reader
    with pytest.raises(Problem, match="write") as refused:
        asyncio.run(current_principal(SecurityScopes([Scope.WRITE]), reader))
    assert refused.value.status == 403
