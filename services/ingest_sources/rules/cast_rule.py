"""The rule `cast`: types for columns, without a value that changes on the way."""

from collections.abc import Callable, Mapping

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from ingest_sources.rules.models import Cast
from ingest_sources.rules.rule_model import Kind
from ingest_sources.rules.steps import Finding, Step, look_for, no_number, refuse, show

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")
_NAMES: Mapping[Kind, str] = {"number": "a number", "integer": "an integer", "boolean": "a boolean", "text": "a text"}


def cast(rule: Cast, table: pl.DataFrame) -> Step:
    """Refuses rows with a value that can't be cast, or makes it null where the rule is lenient.

    Raises:
        ConfigurationError: a column is of a type that has no such values at all, such as a list.
    """
    results: list[pl.Series] = []
    findings: list[Finding] = []
    for name, kind in _kinds(rule, table).items():
        result = _CASTS[kind](_castable(table[name], kind), rule.decimal_comma)
        results.append(result)
        if not rule.lenient and result.null_count() > table[name].null_count():
            findings += _lost(table[name], result, _NAMES[kind])
    return refuse(table.with_columns(results), findings)


def _kinds(rule: Cast, table: pl.DataFrame) -> Mapping[str, Kind]:
    if rule.others is None:
        return rule.columns
    others = dict.fromkeys((name for name in table.columns if name != ROW), rule.others)
    return {**others, **rule.columns}


def _castable(series: pl.Series, kind: Kind) -> pl.Series:
    if series.dtype == pl.Null:
        return series.cast(pl.String)
    if kind != "text" and not (series.dtype.is_numeric() or series.dtype in (pl.String, pl.Boolean)):
        raise ConfigurationError(f"{series.name} is {series.dtype}, which can't become {_NAMES[kind]}; take it out")
    return series


def _lost(series: pl.Series, result: pl.Series, wanted: str) -> list[Finding]:
    bad = result.is_null() & series.is_not_null()
    return look_for(bad, series, lambda value: f"{series.name} is {show(value)}, not {wanted}")


def _number(series: pl.Series, decimal_comma: bool) -> pl.Series:
    if decimal_comma and series.dtype == pl.String:
        series = _comma_to_point(series)
    result = series.cast(pl.Float64, strict=False)
    # JSON has neither NaN nor infinity, which polars reads from `nan` and `1e400`.
    return _only(result, ~no_number(result))


def _comma_to_point(series: pl.Series) -> pl.Series:
    # With a decimal comma, 1.234 may be twelve hundred or a foreign dialect: it is no number rather than a guess.
    return _only(series, ~series.str.contains(".", literal=True)).str.replace(",", ".", literal=True)


def _only(series: pl.Series, good: pl.Series) -> pl.Series:
    """The values that are good; null for the others."""
    if good.all():
        return series
    return pl.select(pl.when(good).then(series).alias(series.name)).to_series()


def _integer(series: pl.Series, _: bool) -> pl.Series:
    result = series.cast(pl.Int64, strict=False)
    if series.dtype.is_numeric() and not series.dtype.is_integer():
        # Polars cuts fractions off.
        return _only(result, result.cast(series.dtype, strict=False) == series)
    return result


def _boolean(series: pl.Series, _: bool) -> pl.Series:
    if series.dtype == pl.Boolean:
        return series
    if series.dtype.is_numeric():
        return _only(series != 0, (series == 0) | (series == 1))
    words = series.str.to_lowercase()
    return _only(words.is_in(_TRUE), words.is_in(_TRUE + _FALSE))


def _text(series: pl.Series, _: bool) -> pl.Series:
    return series.cast(pl.String)


_CASTS: Mapping[Kind, Callable[[pl.Series, bool], pl.Series]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "text": _text,
}
