"""The schemas in the tree are those of the structs, and an incompatible change is refused."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from headrace import schemas
from headrace.records import SCHEMAS, Reading


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_committed_schema_is_that_of_the_struct(name: str) -> None:
    committed = (schemas.FOLDER / f"{name}.json").read_text()
    assert committed == schemas.rendered(schemas.schema_of_struct(name, SCHEMAS[name])), "run `make schemas`"


def _gone(schema: dict[str, Any]) -> None:
    del schema["properties"]["unit"]


def _retyped(schema: dict[str, Any]) -> None:
    schema["properties"]["time"] = {"type": "string"}


def _newly_required(schema: dict[str, Any]) -> None:
    schema["required"].append("unit")


def _newly_optional(schema: dict[str, Any]) -> None:
    schema["required"].remove("metric")


@pytest.mark.parametrize("change", [_gone, _retyped, _newly_required, _newly_optional])
def test_incompatible_change_is_found(change: Any) -> None:
    old = schemas.schema_of_struct("reading.v1", Reading)
    new = copy.deepcopy(old)
    change(new)
    assert schemas.incompatibilities(old, new)


def test_new_optional_field_is_compatible() -> None:
    old = schemas.schema_of_struct("reading.v1", Reading)
    new = copy.deepcopy(old)
    new["properties"]["quality"] = {"type": "string", "default": ""}
    assert schemas.incompatibilities(old, new) == []


def test_incompatible_schema_is_not_overwritten(tmp_path: Path) -> None:
    schemas.write(tmp_path)
    promised = json.loads((tmp_path / "reading.v1.json").read_text())
    promised["properties"]["colour"] = {"type": "string"}
    (tmp_path / "reading.v1.json").write_text(json.dumps(promised))
    problems = schemas.write(tmp_path)
    assert problems == ["reading.v1: colour is gone; add a new version beside it instead"]
    assert json.loads((tmp_path / "reading.v1.json").read_text()) == promised
