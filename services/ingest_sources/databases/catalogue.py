"""What the database's own catalogue says of the table: nothing else is ever named in a statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.types import NullType

from headrace.errors import ConfigurationError
from ingest_sources.databases.column_kinds import Kind, kind_of
from ingest_sources.databases.database_source import DatabaseOptions, Incremental
from ingest_sources.rows import ROW

_SHOWN = 30


@dataclass(frozen=True)
class Known:
    """A table as it is now.

    Attributes:
        kinds: of the columns to read, in their order.
        order: the columns that order its rows, each once: the mark first, if there is one.
        order_kinds: theirs.
        is_checked: whether the database itself keeps two rows from having the same of them, or NULL in a column but the
            mark; it can't for a view.
        may_lack_marks: whether the mark may be NULL.
    """

    kinds: dict[str, Kind]
    order: tuple[str, ...]
    order_kinds: tuple[Kind, ...]
    is_checked: bool
    may_lack_marks: bool


def look_up(connection: Connection, options: DatabaseOptions, incremental: Incremental | None) -> Known:
    """Checks the source's names.

    Raises:
        ConfigurationError: a table or a column is not there; nothing orders the rows.
    """
    inspector = inspect(connection)
    _check_table(inspector, options)
    found = {column["name"]: column for column in inspector.get_columns(options.table, options.schema_)}
    _check_columns(options.columns, found, options, "database.columns")
    if ROW in found:
        raise ConfigurationError(f"{options.place} has a column {ROW}, which is Headrace's own name: read a view of it")
    kinds = {name: kind_of(found[name]["type"]) for name in options.columns or found}
    order, is_checked = _order(inspector, options, incremental, found)
    for name in order:
        if isinstance(found[name]["type"], NullType):
            raise ConfigurationError(f"column {name!r} of {options.place} has a type by which rows can't be ordered")
    order_kinds = tuple(kind_of(found[name]["type"]) for name in order)
    may_lack = incremental is not None and bool(found[incremental.column]["nullable"])
    return Known(kinds, order, order_kinds, is_checked, may_lack)


def _order(
    inspector: Inspector, options: DatabaseOptions, incremental: Incremental | None, found: dict[str, Any]
) -> tuple[tuple[str, ...], bool]:
    named = incremental.tie_breaker if incremental else None
    primary = tuple(inspector.get_pk_constraint(options.table, options.schema_)["constrained_columns"])
    keys = _unique_keys(inspector, options, primary)
    key = named if named is not None else options.key or primary
    where = "incremental.tie_breaker" if incremental else "database.key"
    marks = (incremental.column,) if incremental else ()
    _check_columns((*marks, *key), found, options, where if key else "incremental.column")
    order = tuple(dict.fromkeys((*marks, *key)))
    if options.table not in inspector.get_table_names(options.schema_):
        if not key and named is None:
            raise ConfigurationError(
                f"{options.place} has no primary key: name columns as `{where}` that no two rows share"
            )
        return order, False
    if not any(set(unique) <= set(order) for unique in keys):
        known = "; ".join(", ".join(unique) for unique in keys) or "none"
        raise ConfigurationError(
            f"by {', '.join(order) or 'nothing'} rows of {options.place} can't be told apart for certain, so that a "
            f"kill could lose or double some: name columns as `{where}` that have a primary key or a unique index "
            f"(there are: {known}), none of them with NULL; or make one"
        )
    if empty := [name for name in order if found[name]["nullable"] and name not in (*marks, *primary)]:
        raise ConfigurationError(f"{where}: column {', '.join(empty)} of {options.place} may be NULL: make it NOT NULL")
    return order, True


def _unique_keys(inspector: Inspector, options: DatabaseOptions, primary: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Columns that no two rows share."""
    keys = [primary] if primary else []
    for index in inspector.get_indexes(options.table, options.schema_):
        names = index["column_names"]
        # One over expressions or over some rows only keeps nothing apart.
        if index["unique"] and None not in names and not _is_partial(index):
            keys.append(tuple(name for name in names if name))
    keys += [tuple(found["column_names"]) for found in inspector.get_unique_constraints(options.table, options.schema_)]
    return list(dict.fromkeys(keys))


def _is_partial(index: Any) -> bool:
    return any(name.endswith("_where") and value for name, value in index.get("dialect_options", {}).items())


def _check_table(inspector: Inspector, options: DatabaseOptions) -> None:
    if options.schema_ is not None and options.schema_ not in (schemas := inspector.get_schema_names()):
        raise ConfigurationError(f"database.schema: there is no {options.schema_!r}; there are: {_some(schemas)}")
    if not inspector.has_table(options.table, options.schema_):
        names = [*inspector.get_table_names(options.schema_), *inspector.get_view_names(options.schema_)]
        raise ConfigurationError(f"database.table: there is no {options.place!r}; there are: {_some(names)}")


def _check_columns(names: Sequence[str], found: dict[str, Any], options: DatabaseOptions, where: str) -> None:
    if missing := [name for name in names if name not in found]:
        raise ConfigurationError(
            f"{where}: {options.place} has no column {', '.join(map(repr, missing))}; it has: {_some(list(found))}"
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_SHOWN])
    return f"{shown}, ..." if len(names) > _SHOWN else shown or "none"
