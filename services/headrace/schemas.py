"""Writes the JSON schemas of the records from their structs, and refuses an incompatible change.

`make schemas` runs `python -m headrace.schemas`. A schema that is in the tree is a promise: a reader that knows only it
must be able to read what today's struct writes, and today's struct must read what was written under it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from headrace.records import SCHEMAS, Record
from headrace.topics import TOPICS_FILE

FOLDER = TOPICS_FILE.parent / "records"


def schema_of_struct(name: str, struct: type[Record]) -> dict[str, Any]:
    """The JSON schema of one record."""
    (reference,), components = msgspec.json.schema_components((struct,), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        **components.pop(reference["$ref"].rpartition("/")[2]),
        **({"$defs": components} if components else {}),
    }


def incompatibilities(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What would break a reader of `old` or the reading of what was written under it, in words."""
    before, after = old["properties"], new["properties"]
    required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
    problems = [f"{name} is gone" for name in before if name not in after]
    kept = [name for name in before if name in after]
    problems += [f"{name} has another type" for name in kept if not _same(before[name], after[name])]
    problems += [f"{name} is required now" for name in sorted(required_after - required_before)]
    problems += [f"{name} is optional now" for name in sorted(required_before - required_after)]
    return problems


def _same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    # Words and defaults may change; what a value may be may not.
    def strip(field: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in field.items() if key not in {"description", "title", "default"}}

    return strip(before) == strip(after)


def rendered(schema: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> list[str]:
    """Writes every schema whose change is compatible; returns what is wrong with the others."""
    problems = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, struct in SCHEMAS.items():
        path, schema = folder / f"{name}.json", schema_of_struct(name, struct)
        found = incompatibilities(json.loads(path.read_text()), schema) if path.exists() else []
        if found:
            problems.append(f"{name}: {', '.join(found)}; add a new version beside it instead")
        else:
            path.write_text(rendered(schema))
    return problems


if __name__ == "__main__":
    sys.exit("\n".join(write()) or 0)
