"""Rules with SQL expressions: check, derive, filter."""

import functools
import itertools
from collections.abc import Iterator, Sequence

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from ingest_sources.rules.models import Check, Derive, Filter, names_in
from ingest_sources.rules.steps import Finding, Step, no_number, refuse, show, show_row

_RESULT = "__result__"
_TYPES = (pl.String(), pl.Float64(), pl.Int64(), pl.Boolean(), pl.Datetime("us"))
_MIXED = 4
"""Columns that are tried with all combinations of types."""


def check(rule: Check, table: pl.DataFrame) -> Step:
    """
    Raises:
        ConfigurationError: the expression gives no boolean.
    """
    bad = ~_truth(rule.where, table)
    if not bad.any():
        return Step(table)
    bad = bad.fill_null(False)
    cells = show_row(table.filter(bad), rule.reads)
    return refuse(table, [Finding(bad, [f"{rule.because} ({cell})" for cell in cells])])


def filter_(rule: Filter, table: pl.DataFrame) -> Step:
    """
    Raises:
        ConfigurationError: the expression gives no boolean.
    """
    passed = table.filter(_truth(rule.where, table))
    return Step(passed, dropped=table.height - passed.height)


def _truth(sql: str, table: pl.DataFrame) -> pl.Series:
    truth = _value(sql, table)
    if truth.dtype == pl.Null:
        return truth.cast(pl.Boolean)
    if truth.dtype != pl.Boolean:
        raise ConfigurationError(f"{sql!r} gives {truth.dtype}, not a boolean; write a comparison")
    return truth


def derive(rule: Derive, table: pl.DataFrame) -> Step:
    """Refuses rows with a result that is no finite number, such as one divided by zero."""
    findings: list[Finding] = []
    for name, sql in rule.columns.items():
        # The sources of the value before they are overwritten.
        before = table
        table = table.with_columns(_value(sql, table).alias(name))
        bad = no_number(table[name])
        if bad.any():
            bad = bad.fill_null(False)
            cells = show_row(before.filter(bad), names_in(sql))
            values = table[name].filter(bad)
            findings.append(
                Finding(bad, [f"{name} is {show(value)} ({cell})" for value, cell in zip(values, cells, strict=True)])
            )
    return refuse(table, findings)


def _value(sql: str, table: pl.DataFrame) -> pl.Series:
    named = tuple((name, table.schema[name]) for name in names_in(sql))
    given = table.with_columns(pl.col(name).cast(dtype) for name, dtype in _fitting(sql, named))
    # With the row numbers beside it, a constant expression gets the table's height.
    return given.select(ROW, pl.sql_expr(sql).alias(_RESULT))[_RESULT]


@functools.lru_cache(1_000)
def _fitting(sql: str, named: tuple[tuple[str, pl.DataType], ...]) -> Sequence[tuple[str, pl.DataType]]:
    """Types for the columns that have none, as no row has a value in them: many functions take their own type alone."""
    unknown = [name for name, dtype in named if dtype == pl.Null]
    for types in _guesses(len(unknown)):
        chosen = tuple(zip(unknown, types, strict=True))
        schema = {**dict(named), **dict(chosen)}
        try:
            pl.DataFrame(schema=schema).select(pl.sql_expr(sql))
        except pl.exceptions.PolarsError:
            continue
        return chosen
    # What polars says of the columns as they are is then the answer.
    return ()


def _guesses(count: int) -> Iterator[Sequence[pl.DataType]]:
    yield [pl.Null()] * count
    yield from ([dtype] * count for dtype in _TYPES)
    if count <= _MIXED:
        yield from itertools.product(_TYPES, repeat=count)
