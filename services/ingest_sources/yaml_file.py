"""Reads a YAML file into what pydantic makes of it; a mistake is told with its line."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from headrace.errors import ConfigurationError

_CREDENTIALS = re.compile(r"://[^/@]*@")
M = TypeVar("M")


class _Loader(yaml.SafeLoader):
    """Refuses a name that is there twice, of which YAML's loaders keep the last one alone."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_yaml(path: Path, model: TypeAdapter[M], **more: Any) -> M:
    """Reads and checks a file.

    Args:
        more: fields that are not in the file.

    Raises:
        ConfigurationError: names file, line, field and what to change, one mistake a line.
    """
    try:
        text = path.read_text()
        node = yaml.compose(text, _Loader)
        content = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{path}:{line}: not YAML as it is expected: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict) or node is None:
        raise ConfigurationError(f"{path}: names and values are expected, such as `kind: files`")
    try:
        return model.validate_python({**content, **more})
    except ValidationError as error:
        raise ConfigurationError("\n".join(_problems(path, node, error))) from None


def _problems(path: Path, node: yaml.Node, error: ValidationError) -> list[str]:
    found = []
    for item in error.errors(include_url=False):
        line, place = _find(node, (*item["loc"], *_discriminator(item)))
        known = _known(item)
        found.append(f"{path}:{line}: {place or 'the file'}: {item['msg']}{known}")
    return list(dict.fromkeys(found))


def _discriminator(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The name by whose value one of several models is chosen, if that is what is wrong."""
    name = item.get("ctx", {}).get("discriminator", "") if item["type"].startswith("union_tag") else ""
    return (name.strip("'"),) if name.startswith("'") else ()


def _known(item: Mapping[str, Any]) -> str:
    given = item.get("input")
    if isinstance(given, str):
        given = _CREDENTIALS.sub("://…@", given)
    shown = isinstance(given, str | int | float) and not isinstance(given, bool)
    return f" (it says {given!r})" if shown and item["type"] not in ("missing", "extra_forbidden") else ""


def _find(node: yaml.Node, loc: Sequence[int | str]) -> tuple[int, str]:
    """The line of a place, and its name; parts that pydantic adds for the choices of a union are not in the file."""
    line, names = node.start_mark.line + 1, []
    for part in loc:
        child = _child(node, part)
        if child is not None:
            line, node = child
            names.append(str(part) if isinstance(part, str) else f"number {part + 1}")
    missing = loc[-1] if loc and isinstance(loc[-1], str) and _child(node, loc[-1]) is None else None
    if missing and (not names or names[-1] != missing):
        names.append(str(missing))
    return line, ".".join(names)


def _child(node: yaml.Node, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None
