"""Every record has named good and bad examples, on which the struct and the published schema agree."""

import json
from pathlib import Path

import jsonschema
import pytest

from headrace.errors import TerminalError
from headrace.records import SCHEMA_HEADER, SCHEMAS, decode, encode
from headrace.topics import TOPICS_FILE

EXAMPLES = sorted((TOPICS_FILE.parent / "examples").glob("*.json"))


def _schema_name(example: Path) -> str:
    return ".".join(example.name.split(".")[:2])


def _validator(name: str) -> jsonschema.protocols.Validator:
    schema = json.loads((TOPICS_FILE.parent / "records" / f"{name}.json").read_text())
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if path.name.endswith(".pass.json")], ids=lambda p: p.name
)
def test_good_example_is_read_and_written_alike(example: Path) -> None:
    name = _schema_name(example)
    record = decode(example.read_bytes(), [(SCHEMA_HEADER, name.encode())])
    _validator(name).validate(json.loads(example.read_text()))
    _validator(name).validate(json.loads(encode(record)))
    assert decode(encode(record), [(SCHEMA_HEADER, name.encode())]) == record


@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if path.name.endswith(".fail.json")], ids=lambda p: p.name
)
def test_bad_example_is_refused(example: Path) -> None:
    name = _schema_name(example)
    with pytest.raises(TerminalError):
        decode(example.read_bytes(), [(SCHEMA_HEADER, name.encode())])
    with pytest.raises(jsonschema.ValidationError):
        _validator(name).validate(json.loads(example.read_text()))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_record_has_good_and_bad_examples(name: str) -> None:
    kinds = {path.name.split(".")[-2] for path in EXAMPLES if _schema_name(path) == name}
    assert kinds == {"pass", "fail"}
