"""Checks of what stands in a rule's configuration: names, regexes, SQL, zones, time formats. All raise ValueError."""

import json
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from ingest_sources.rows import ROW

Item = TypeVar("Item")

ISO = "iso"
EPOCH = "epoch"
ZONE_DIRECTIVES = ("%z", "%:z", "%#z", "%+")
"""What in a format reads the zone out of the text."""

_YAML_BOOLEAN = "YAML reads on, off, yes and no as booleans: put it in quotes"
# No part of it is what a reader assumes for one that is left out, so that a format without a year gives another date.
# Polars itself refuses half a time of day, such as hours without minutes.
_SAMPLE = datetime(2024, 11, 23, 13, 45, 56, 789_000, tzinfo=UTC)
_BY_TABLE = frozenset({"Agg", "Over", "Rolling", "Len", "Explode", "SubPlan", "Filter", "Slice", "Sort", "SortBy"})
"""Nodes of a polars expression that look at other rows."""


def not_a_boolean(value: object) -> object:
    """Refuses the booleans that YAML makes of some words, where a name or a text is wanted."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is no text; {_YAML_BOOLEAN}")
    return value


def not_the_row_number(name: str) -> str:
    """Keeps rules off the column of row numbers."""
    if name == ROW:
        raise ValueError(f"{ROW} holds the row numbers and stays as it is; choose another name")
    return name


def without_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} is there more than once; name each column once")
    return names


def not_empty(values: tuple[Item, ...]) -> tuple[Item, ...]:
    # Not pydantic's `min_length`: that speaks up too when an item was wrong.
    if not values:
        raise ValueError("the list is empty; name at least one, or leave the rule out")
    return values


def usable_regex(regex: str) -> str:
    """Checks with the engine that runs it: polars' has no look-around and no back references."""
    try:
        pl.Series([""]).str.contains(regex)
    except pl.exceptions.PolarsError as error:
        why = str(error).split("error: ")[-1].splitlines()[0]
        raise ValueError(
            f"{regex!r} is no regular expression of Rust's syntax ({why}); mend it, or use a `check` with SQL"
        ) from error
    return regex


def usable_sql(text: str) -> str:
    """Checks that an expression can be read and looks at one row at a time.

    An expression over several rows would give other results with other sizes of parts, and a strict CAST would stop the
    whole source at one bad value.
    """
    try:
        tree = json.loads(pl.sql_expr(text).meta.serialize(format="json"))
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{text!r} is no SQL expression of polars: {error}; mend it") from error
    names = {name for name, _ in _nodes(tree)}
    if names & _BY_TABLE:
        raise ValueError(
            f"{text!r} looks at more than one row (an aggregate, a window or a subquery); use the row's own"
        )
    if any(name == "Cast" and _can_fail(node) for name, node in _nodes(tree)):
        raise ValueError(f"{text!r} has a CAST, which fails on a bad value; use TRY_CAST or a `cast` rule before it")
    return text


def _nodes(tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for name, node in tree.items():
            yield name, node
            # A literal or a column is the user's own text; a function's name may be that of a node (Slice of a text).
            if name == "Function":
                yield from _nodes(_arguments(node))
            elif name not in ("Literal", "Column"):
                yield from _nodes(node)
    elif isinstance(tree, list):
        for node in tree:
            yield from _nodes(node)
    elif isinstance(tree, str):
        yield tree, None


def _arguments(function: Any) -> Any:
    given = function["input"]
    if function["function"] == {"Boolean": "Not"}:
        # Polars puts a cast to boolean around what NOT negates, which is one already.
        return [node["Cast"]["expr"] if set(node) == {"Cast"} else node for node in given]
    return given


def _can_fail(cast: Any) -> bool:
    return cast is not None and cast.get("options") == "Strict" and cast.get("dtype") != {"Literal": "String"}


def usable_zone(zone: str) -> str:
    """Checks a zone with both of its users' lists: Python's and polars'."""
    try:
        ZoneInfo(zone)
        pl.Series([_SAMPLE.replace(tzinfo=None)]).dt.replace_time_zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"{zone!r} is no time zone; Europe/Rome or Europe/Oslo is one") from error
    return zone


def usable_time_format(text: str) -> str:
    """Checks `iso`, `epoch` or a format, which must read back a date that it has written."""
    if text in (ISO, EPOCH):
        return text
    if "%" not in text:
        raise ValueError(f"{text!r} has no %; use iso, epoch, or a format such as %d/%m/%Y %H:%M")
    if "%s" in text or "%Z" in text:
        raise ValueError(f"{text!r}: %s and %Z can't be read; use epoch for numbers, and %z or `zone` for the zone")
    if not _reads_back(text):
        raise ValueError(f"{text!r} doesn't read a whole date back; it needs known directives for year, month and day")
    return text


def _reads_back(text: str) -> bool:
    # Polars reads %#z, but can't write it.
    written = text.replace("%#z", "%z")
    try:
        with warnings.catch_warnings():
            # The warning for `.%f` is about a mistake in the format: it would read .5 as 5 ns.
            warnings.simplefilter("error")
            sample = pl.Series([_SAMPLE], dtype=pl.Datetime("us", "UTC")).dt.strftime(written)
            (read,) = sample.str.strptime(pl.Datetime("us"), text, strict=False).to_list()
    except (pl.exceptions.PolarsError, Warning):
        return False
    if read is None:
        return False
    return bool(read.date() == _SAMPLE.date())
