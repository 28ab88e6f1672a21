"""PostgreSQL's arrays, which it writes as `{1,NULL,"a b"}`, to lists."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_TOKEN = re.compile(r'([{},])|"((?:[^"\\]|\\.)*)"|([^{},"]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse_array(text: str, item: Callable[[str], Any]) -> list[Any]:
    """The list of an array's text, of whatever dimensions.

    Args:
        item: what becomes of an element's text.

    Raises:
        ValueError: it is no array.
    """
    if text.startswith("["):
        # Bounds that don't begin with 1, such as [0:1]={7,8}: a list has none.
        text = text.partition("=")[2]
    tokens = _tokens(text)
    if next(tokens, None) != ("{", False):
        raise ValueError("no array: it doesn't begin with a brace")
    found = _items(tokens, item)
    if next(tokens, None) is not None:
        raise ValueError("no array: something follows it")
    return found


def _items(tokens: Iterator[tuple[str, bool]], item: Callable[[str], Any]) -> list[Any]:
    found: list[Any] = []
    for part, is_value in tokens:
        if part == "}" and not is_value:
            return found
        if part == "{" and not is_value:
            found.append(_items(tokens, item))
        elif is_value:
            found.append(item(part))
        elif part != ",":
            found.append(None)
    raise ValueError("no array: its end is missing")


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of the text, and whether each is a value; NULL is none."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError("no array: a quote has no end")
        position = match.end()
        sign, quoted, bare = match.groups()
        if sign is not None:
            yield sign, False
        elif quoted is not None:
            yield _ESCAPED.sub(r"\1", quoted), True
        else:
            yield bare, bare != "NULL"
