"""OpenAPI of the models that run: each has a path of its own with the schema of its rows."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from headrace.models.loaded_version import LoadedVersion, typical_row
from headrace.models.row_model import RowModel, RowRefused

_SCHEMAS = "#/components/schemas/"
_ANY_MODEL = "/v1/models/{name}/predict"
Document = dict[str, Any]


def with_bodies(document: Document, bodies: Iterable[type[BaseModel]]) -> Document:
    """The document with the schemas of bodies that routes read themselves."""
    _, found = models_json_schema([(body, "validation") for body in bodies], ref_template=f"{_SCHEMAS}{{model}}")
    document["components"]["schemas"].update(found["$defs"])
    return document


def with_models(document: Document, champions: Mapping[str, LoadedVersion]) -> Document:
    """A copy of the document with a path for each model, which says more than the one for any model."""
    made = copy.deepcopy(document)
    for name, version in champions.items():
        row, rows = f"{name}_row", f"{name}_rows"
        made["components"]["schemas"][row] = _row_schema(version, row)
        made["components"]["schemas"][rows] = _rows_schema(made, row)
        made["paths"][f"/v1/models/{name}/predict"] = {"post": _operation(made, name, version, (row, rows))}
    return made


def _row_schema(version: LoadedVersion, title: str) -> Document:
    schema = {**version.rows.json_schema(), "title": title}
    example = _example(version.rows, version)
    return schema if example is None else {**schema, "examples": [example]}


def _example(model: RowModel, version: LoadedVersion) -> Mapping[str, Any] | None:
    row = typical_row(version.manifest)
    try:
        model.read(row)
    except RowRefused:
        return None
    return row


def _rows_schema(document: Document, row: str) -> Document:
    general = document["paths"][_ANY_MODEL]["post"]["requestBody"]["content"]["application/json"]["schema"]
    properties = {**general["properties"], "rows": {**general["properties"]["rows"], "items": {"$ref": _SCHEMAS + row}}}
    return {"type": "object", "title": f"{row}s", "properties": properties, "required": ["rows"]}


def _operation(document: Document, name: str, version: LoadedVersion, bodies: tuple[str, str]) -> Document:
    general = document["paths"][_ANY_MODEL]["post"]
    schema = {"anyOf": [{"$ref": _SCHEMAS + body} for body in bodies]}
    return {
        **general,
        "summary": f"Predict {name}",
        "description": f"{version.manifest.about}\n\n{general['description']}".strip(),
        "operationId": f"predict_{name}",
        "parameters": [each for each in general["parameters"] if each["in"] != "path"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }
