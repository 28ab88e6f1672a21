"""OpenAPI with models that run: a path for each, whose schemas hold together."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator

from headrace.models.version_loader import VersionLoader
from serve_api.app import build_app
from serve_api.predictions.openapi import with_models
from serve_api.settings import Settings
from tests.served_models import ROW, ModelMaker


@pytest.fixture
def documents(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Without and with a model."""
    maker = ModelMaker(tmp_path)
    version = maker.make()
    champion = VersionLoader(maker.keys, "MODEL_KEYS", tmp_path).load("usage", version)
    general = build_app(Settings.load()).openapi()
    return general, with_models(general, {"usage": champion})


def test_a_model_that_runs_has_a_path_with_the_schema_of_its_rows(
    documents: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    general, document = documents
    OpenAPI.model_validate(document)
    assert document["paths"].keys() - general["paths"].keys() == {"/v1/models/usage/predict"}
    post = document["paths"]["/v1/models/usage/predict"]["post"]
    (body,) = post["requestBody"]["content"].values()
    schemas = document["components"]["schemas"]
    names = [each["$ref"].removeprefix("#/components/schemas/") for each in body["schema"]["anyOf"]]
    assert names == ["usage_row", "usage_rows"] and set(names) <= schemas.keys()
    assert "Whether a line is given up" in post["description"]
    Draft202012Validator(schemas["usage_row"]).validate(ROW)
    for example in schemas["usage_row"]["examples"]:
        Draft202012Validator(schemas["usage_row"]).validate(example)


def test_the_general_document_stays_as_it_is(documents: tuple[dict[str, Any], dict[str, Any]]) -> None:
    general, _ = documents
    assert "usage_row" not in general["components"]["schemas"]
    assert {"OutcomeBody", "OutcomesBody"} <= general["components"]["schemas"].keys()


def test_operations_are_told_apart(documents: tuple[dict[str, Any], dict[str, Any]]) -> None:
    _, document = documents
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
