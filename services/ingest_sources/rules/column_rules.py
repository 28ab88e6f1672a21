"""Rules on columns as a whole and on texts: rename, keep, drop, trim, case, missing, fill. They refuse no row."""

from collections.abc import Iterable

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from ingest_sources.rules.models import Case, Drop, Fill, Keep, Missing, Rename, Trim
from ingest_sources.rules.rule_model import Constant
from ingest_sources.rules.steps import Step, is_text, show


def rename(rule: Rename, table: pl.DataFrame) -> Step:
    """
    Raises:
        ConfigurationError: a new name is already that of another column.
    """
    stay = set(table.columns) - set(rule.columns)
    taken = [name for name in rule.columns.values() if name in stay]
    if taken:
        raise ConfigurationError(f"{', '.join(taken)} is in the table already; drop it before or choose another name")
    return Step(table.rename(dict(rule.columns)))


def keep(rule: Keep, table: pl.DataFrame) -> Step:
    """The row number comes first, the others in the rule's order."""
    return Step(table.select(ROW, *rule.columns))


def drop(rule: Drop, table: pl.DataFrame) -> Step:
    """The other columns keep their order."""
    return Step(table.drop(rule.columns))


def trim(rule: Trim, table: pl.DataFrame) -> Step:
    """White space is what Unicode calls so, also the no-break space; other types than text stay."""
    return Step(table.with_columns(pl.col(name).str.strip_chars() for name in _texts(rule.columns, table)))


def case(rule: Case, table: pl.DataFrame) -> Step:
    """Other types than text stay."""
    names = _texts(rule.columns, table)
    if rule.to == "upper":
        return Step(table.with_columns(pl.col(name).str.to_uppercase() for name in names))
    return Step(table.with_columns(pl.col(name).str.to_lowercase() for name in names))


def missing(rule: Missing, table: pl.DataFrame) -> Step:
    """Types other than text and number stay."""
    names = _names(rule.columns, table)
    return Step(table.with_columns(_without(table[name], rule.values) for name in names))


def fill(rule: Fill, table: pl.DataFrame) -> Step:
    """
    Raises:
        ConfigurationError: the constant is none of the column's type.
    """
    return Step(table.with_columns(_filled(table[name], value) for name, value in rule.columns.items()))


def _names(columns: str | tuple[str, ...], table: pl.DataFrame) -> tuple[str, ...]:
    return tuple(name for name in table.columns if name != ROW) if isinstance(columns, str) else columns


def _texts(columns: str | tuple[str, ...], table: pl.DataFrame) -> Iterable[str]:
    return [name for name in _names(columns, table) if table.schema[name] == pl.String]


def _without(series: pl.Series, words: tuple[str | int | float, ...]) -> pl.Series:
    if series.dtype == pl.String:
        return _nulled(series, pl.Series([str(word) for word in words]))
    if not series.dtype.is_numeric():
        return series
    found = [number for word in words if (number := _number(word)) is not None]
    if series.dtype.is_integer():
        # Compared as integers, as a float would be equal to neighbours too.
        found = [int(number) for number in found if isinstance(number, int) or number.is_integer()]
        return _nulled(series, pl.Series(found, dtype=pl.Int128))
    return _nulled(series, pl.Series(found, dtype=pl.Float64, strict=False))


def _nulled(series: pl.Series, unwanted: pl.Series) -> pl.Series:
    hit = series.cast(unwanted.dtype).is_in(unwanted.implode())
    if not hit.any():
        return series
    return pl.select(pl.when(~hit).then(series).alias(series.name)).to_series()


def _number(word: str | int | float) -> int | float | None:
    if not isinstance(word, str):
        return word
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return None


def _filled(series: pl.Series, constant: Constant) -> pl.Series:
    given = pl.Series([constant])
    if series.dtype == pl.Null:
        return series.cast(given.dtype).fill_null(constant)
    # Polars would widen the whole column to hold a constant of another type.
    fitting = given.cast(series.dtype, strict=False)
    if fitting.null_count() or not (is_text(series) or fitting.cast(given.dtype, strict=False).equals(given)):
        raise ConfigurationError(
            f"{show(constant)} doesn't fit {series.name}, which is {series.dtype}; `cast` it before"
        )
    return series.fill_null(fitting[0])
