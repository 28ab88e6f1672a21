"""Walks a JSON object: nested members become readings whose names are joined with dots, as are indexes of arrays."""

from collections.abc import Iterable, Mapping
from typing import Any

from process_readings.decode.collector import Collector

NO_UNITS: Mapping[str, str] = {}


def add_members(
    out: Collector, members: Iterable[tuple[str, Any]], prefix: str = "", units: Mapping[str, str] = NO_UNITS
) -> None:
    """Adds each member that is a value; null is none.

    Args:
        members: name and value pairs.
        prefix: goes before each name, with its dot.
        units: unit by the last part of the name.
    """
    for name, value in members:
        kind = value.__class__
        if kind is dict:
            add_members(out, value.items(), f"{prefix}{name}.", units)
        elif kind is list:
            add_members(out, ((str(index), item) for index, item in enumerate(value)), f"{prefix}{name}.", units)
        elif value is not None:
            out.add(prefix + name, value, units.get(name))


def add_named(out: Collector, name: str, value: Any, unit: str | None = None) -> None:
    """Adds one value, or its members under its name."""
    if unit is not None and value.__class__ not in (dict, list, type(None)):
        out.add(name, value, unit)
    else:
        add_members(out, [(name, value)])
