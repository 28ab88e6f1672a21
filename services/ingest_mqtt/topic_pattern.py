"""Topic patterns: `{name}` is one level, `{name...}` one or more, `+` and `#` are as in MQTT."""

import re
from collections.abc import Mapping
from itertools import zip_longest

CACHED_TOPICS = 100_000
"""Topics whose meaning is kept: more than a broker's usual devices, some 100 MB at most."""
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)(\.\.\.)?\}")
_LEVEL = r"[^/]+"
_LEVELS = r"[^/]+(?:/[^/]+)*"


class TopicPattern:
    """A compiled pattern.

    Raises:
        ValueError: the pattern is not one; says what is wrong with which level.
    """

    def __init__(self, text: str) -> None:
        levels = text.split("/")
        self.names = tuple(match[1] for level in levels if (match := _PLACEHOLDER.fullmatch(level)))
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"pattern {text!r} names a level twice")
        rest = "/".join(levels[:-1] if levels[-1] == "#" else levels)
        expression = "/".join(_level(level, text) for level in rest.split("/")) if rest else ""
        if levels[-1] == "#":
            expression = f"{expression}(?:/.*)?" if rest else ".*"
        # Topics of the broker itself are not meant by a leading wildcard (MQTT 5.0, section 4.7.2).
        guard = r"(?!\$)" if levels[0][:1] in ("{", "+", "#") else ""
        self._expression = re.compile(guard + expression, re.DOTALL)

    def match(self, topic: str) -> Mapping[str, str] | None:
        """The text of each placeholder, or None where the topic does not fit."""
        match = self._expression.fullmatch(topic)
        return None if match is None else match.groupdict()


def _level(level: str, pattern: str) -> str:
    if level == "+":
        return "[^/]*"
    if match := _PLACEHOLDER.fullmatch(level):
        return f"(?P<{match[1]}>{_LEVELS if match[2] else _LEVEL})"
    if any(sign in level for sign in "+#{}"):
        raise ValueError(f"level {level!r} of {pattern!r}: +, # and {{name}} fill a whole level, and # is the last one")
    return re.escape(level)


def placeholders(template: str) -> tuple[str, ...]:
    """The names that a template such as `{hub}/{room}` uses."""
    return tuple(match[1] for match in _PLACEHOLDER.finditer(template))


def fill(template: str, names: Mapping[str, str]) -> str:
    """A template with each name replaced by its text."""
    return _PLACEHOLDER.sub(lambda match: names[match[1]], template)


def overlap(one: str, other: str) -> bool:
    """Whether there are topics that fit two MQTT filters."""
    for mine, theirs in zip_longest(one.split("/"), other.split("/")):
        if "#" in (mine, theirs):
            return True
        if mine is None or theirs is None or (mine != theirs and "+" not in (mine, theirs)):
            return False
    return True
