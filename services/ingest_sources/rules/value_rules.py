"""Rules on the values of rows: unit, require, allow, range, match. Null passes all but `require`."""

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rules.models import Allow, Match, Range, Require, Unit
from ingest_sources.rules.rule_model import Constant
from ingest_sources.rules.steps import (
    Finding,
    Step,
    is_text,
    look_for,
    no_number,
    numbers,
    refuse,
    show,
)


def unit(rule: Unit, table: pl.DataFrame) -> Step:
    """Refuses rows whose number is none after the change, as it is too large."""
    before = numbers(table[rule.column])
    after = before.cast(pl.Float64) * rule.multiply + rule.add
    bad = no_number(after)
    findings = look_for(bad, before, lambda value: f"{rule.column} is {show(value)}, no finite number in the new unit")
    return refuse(table.with_columns(after.alias(rule.column)), findings)


def require(rule: Require, table: pl.DataFrame) -> Step:
    """Refuses rows with null in a column; the first such column explains it."""
    findings: list[Finding] = []
    for name in rule.columns:
        if table[name].null_count():
            findings += look_for(table[name].is_null(), table[name], lambda _, name=name: f"{name} is missing")  # type: ignore[misc]
    return refuse(table, findings)


def allow(rule: Allow, table: pl.DataFrame) -> Step:
    """
    Raises:
        ConfigurationError: the allowed values are of another type than the column.
    """
    column = table[rule.column]
    if column.dtype == pl.Null:
        return Step(table)
    known = _allowed(rule.values, column)
    bad = ~column.cast(known.dtype).is_in(known.implode())
    listed = ", ".join(show(value) for value in rule.values)
    return refuse(table, look_for(bad, column, lambda value: f"{rule.column} is {show(value)}, not one of {listed}"))


def _allowed(values: tuple[Constant, ...], column: pl.Series) -> pl.Series:
    booleans = [isinstance(value, bool) for value in values]
    if column.dtype == pl.Boolean and all(booleans):
        return pl.Series(values)
    if column.dtype == pl.String:
        if any(booleans):
            raise ConfigurationError(
                f"{column.name} is text, but a value is {show(values[booleans.index(True)])}; YAML reads on, off, yes "
                "and no as booleans: put it in quotes"
            )
        return pl.Series([str(value) for value in values])
    if column.dtype.is_numeric() and not any(isinstance(value, bool | str) for value in values):
        whole = all(isinstance(value, int) for value in values) and column.dtype.is_integer()
        return pl.Series(values, dtype=pl.Int128 if whole else pl.Float64, strict=False)
    raise ConfigurationError(f"{column.name} is {column.dtype}, but a value is {show(values[0])}; `cast` it before")


def range_(rule: Range, table: pl.DataFrame) -> Step:
    """
    Raises:
        ConfigurationError: the column holds no numbers.
    """
    column = numbers(table[rule.column])
    bad = column.is_nan() if column.dtype.is_float() else pl.repeat(False, len(column), eager=True)
    if rule.min is not None:
        bad |= column < rule.min
    if rule.max is not None:
        bad |= column > rule.max
    return refuse(table, look_for(bad, column, lambda value: f"{rule.column} is {_beyond(value, rule)}"))


def _beyond(value: float, rule: Range) -> str:
    if value != value:
        return "NaN, no number"
    if rule.max is not None and value > rule.max:
        return f"{value}, above {rule.max}"
    return f"{value}, below {rule.min}"


def match(rule: Match, table: pl.DataFrame) -> Step:
    """
    Raises:
        ConfigurationError: the column holds no texts.
    """
    column = table[rule.column]
    if not is_text(column):
        raise ConfigurationError(f"{rule.column} is {column.dtype}, not text; put a `cast` to text before it")
    bad = ~column.cast(pl.String).str.contains(rule.regex)
    return refuse(
        table, look_for(bad, column, lambda value: f"{rule.column} is {show(value)}, which {rule.regex} doesn't fit")
    )
