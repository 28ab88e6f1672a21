"""Rules with SQL expressions: check, derive, filter."""

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from ingest_sources.rules.models import Check, Derive, Filter, names_in
from ingest_sources.rules.steps import Finding, Step, no_number, refuse, show, show_row

_RESULT = "__result__"


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
    # With the row numbers beside it, a constant expression gets the table's height.
    truth = table.select(ROW, pl.sql_expr(sql).alias(_RESULT))[_RESULT]
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
        table = table.with_columns(pl.sql_expr(sql).alias(name))
        bad = no_number(table[name])
        if bad.any():
            bad = bad.fill_null(False)
            cells = show_row(before.filter(bad), names_in(sql))
            values = table[name].filter(bad)
            findings.append(
                Finding(bad, [f"{name} is {show(value)} ({cell})" for value, cell in zip(values, cells, strict=True)])
            )
    return refuse(table, findings)
