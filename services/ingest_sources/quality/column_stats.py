"""What the columns of a table look like, in numbers that can be merged: no value of a text is kept."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import polars as pl

from ingest_sources.rows import ROW
from ingest_sources.rules.personal import IsHidden

Kind = Literal["empty", "number", "text", "boolean", "other", "hidden", "mixed"]
"""`empty`: no row has a value. `hidden`: personal, so that only values are counted. `mixed`: of more than one kind."""
MAX_COLUMNS = 200
MAX_DISTINCT = 50
_NAME_CHARACTERS = 200
_FEW = 200
"""Texts that Python goes through faster than polars begins."""
_LARGEST = 1.7976931348623157e308


class NumberStats(msgspec.Struct, frozen=True):
    """Finite numbers. NaN and infinity are values of the column and not of these.

    Attributes:
        count: at least 1.
        squares: the sum of the squared deviations from the mean.
    """

    count: int
    min: float
    max: float
    mean: float
    squares: float

    @property
    def spread(self) -> float:
        """Standard deviation, as of the whole."""
        return math.sqrt(self.squares / self.count)

    def merged(self, other: "NumberStats") -> "NumberStats":
        """Those of both (Chan, Golub and LeVeque 1979: sound where the mean is far larger than the spread)."""
        count = self.count + other.count
        delta = _bounded(other.mean - self.mean)
        return NumberStats(
            count,
            min(self.min, other.min),
            max(self.max, other.max),
            _bounded(self.mean + delta * (other.count / count)),
            _bounded(self.squares + other.squares + delta * delta * (self.count * (other.count / count))),
        )


class TextStats(msgspec.Struct, frozen=True):
    """Characters of the shortest and the longest text."""

    shortest: int
    longest: int

    def merged(self, other: "TextStats") -> "TextStats":
        """Those of both."""
        return TextStats(min(self.shortest, other.shortest), max(self.longest, other.longest))


class ColumnStats(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column.

    Attributes:
        values: rows that have one.
        trues: rows in which a boolean is true.
        distinct: different texts, or None: more than `MAX_DISTINCT`, or not counted.
    """

    kind: Kind
    values: int
    numbers: NumberStats | None = None
    texts: TextStats | None = None
    trues: int = 0
    distinct: int | None = None


Texts = frozenset[int]
"""Hashes of different texts, which never leave the process."""


@dataclass(frozen=True)
class TableStats:
    """A table, or several one after the other.

    Attributes:
        columns: at most `MAX_COLUMNS`, as they came first.
        texts: of each column of texts what it holds, or None: too much to be counted.
        is_cut: there were more columns, or one with too long a name.
    """

    rows: int = 0
    columns: Mapping[str, ColumnStats] = field(default_factory=dict)
    texts: Mapping[str, Texts | None] = field(default_factory=dict)
    is_cut: bool = False

    def merged(self, other: "TableStats") -> "TableStats":
        """Those of both."""
        names = list(dict.fromkeys([*self.columns, *other.columns]))
        kept = names[:MAX_COLUMNS]
        texts = {name: _both(self, other, name) for name in kept if name in self.texts or name in other.texts}
        columns = {name: _merged(self.columns.get(name), other.columns.get(name), texts.get(name)) for name in kept}
        return TableStats(self.rows + other.rows, columns, texts, self.is_cut or other.is_cut or len(kept) < len(names))


def table_stats(table: pl.DataFrame, is_hidden: "IsHidden") -> TableStats:
    """What a table's columns look like, without `ROW`.

    Args:
        is_hidden: whether a column is personal; nothing is looked at in it but whether there is a value.
    """
    names = [name for name in table.columns if name != ROW and len(name) <= _NAME_CHARACTERS]
    kept = names[:MAX_COLUMNS]
    is_cut = len(kept) < len(table.columns) - (ROW in table.columns)
    if not kept or table.is_empty():
        return TableStats(table.height, {name: ColumnStats("empty", 0) for name in kept}, {}, is_cut)
    columns: dict[str, ColumnStats] = {}
    texts: dict[str, Texts | None] = {}
    for name in kept:
        series = table.get_column(name)
        kind = _kind(series.dtype, is_hidden(name))
        if kind == "text" and series.count():
            texts[name] = _texts(series)
        columns[name] = _column(series, kind, texts.get(name))
    return TableStats(table.height, columns, texts, is_cut)


def _kind(dtype: pl.DataType, is_hidden: bool) -> Kind:
    if is_hidden:
        return "hidden"
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    return "text" if dtype == pl.String else "other"


def _column(series: pl.Series, kind: Kind, texts: Texts | None) -> ColumnStats:
    # Of each series by itself: of a part of few rows, one query of all columns costs five times as much.
    values = series.count()
    if kind == "hidden":
        return ColumnStats("hidden", values)
    if not values:
        return ColumnStats("empty", 0)
    if kind == "number":
        return ColumnStats("number", values, numbers=_numbers(series, values))
    if kind == "text":
        distinct = None if texts is None else len(texts)
        return ColumnStats("text", values, texts=_lengths(series), distinct=distinct)
    return ColumnStats(kind, values, trues=_whole(series.sum()) if kind == "boolean" else 0)


def _numbers(series: pl.Series, count: int) -> NumberStats | None:
    if series.dtype.is_decimal() or series.dtype == pl.Int128:
        # Polars doesn't compute with all of them.
        series = series.cast(pl.Float64)
    found = (series.min(), series.max(), series.mean(), series.var(ddof=0))
    low, high, mean, variance = (float(value) if isinstance(value, int | float) else math.nan for value in found)
    if not all(map(math.isfinite, (low, high, mean, variance))):
        # NaN, infinity, or a sum that no float holds; seldom, so that the usual case has no need to look for them.
        finite = series.cast(pl.Float64)
        numbers = finite.filter(finite.is_finite()).to_list()
        count = len(numbers)
        if not count:
            return None
        low, high = min(numbers), max(numbers)
        mean = math.fsum(number / count for number in numbers)
        variance = _bounded(sum(_bounded((number - mean) * (number - mean) / count) for number in numbers))
    return NumberStats(count, low, high, mean, _bounded(variance * count))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _lengths(series: pl.Series) -> TextStats:
    if len(series) <= _FEW:
        counts = [len(text) for text in series.to_list() if text is not None]
        return TextStats(min(counts), max(counts))
    lengths = series.str.len_chars()
    return TextStats(_whole(lengths.min()), _whole(lengths.max()))


def _texts(series: pl.Series) -> Texts | None:
    # Most columns with many texts show it at once.
    found = {text for text in series.head(_FEW).to_list() if text is not None}
    if len(found) <= MAX_DISTINCT and len(series) > _FEW:
        found = set(series.drop_nulls().unique().to_list())
    return frozenset(map(hash, found)) if len(found) <= MAX_DISTINCT else None


def _both(one: TableStats, other: TableStats, name: str) -> Texts | None:
    parts = [stats.texts[name] for stats in (one, other) if name in stats.texts]
    union: Texts = frozenset()
    for part in parts:
        if part is None:
            return None
        union |= part
    return union if len(union) <= MAX_DISTINCT else None


def _merged(one: ColumnStats | None, other: ColumnStats | None, texts: Texts | None) -> ColumnStats:
    if one is None or one.kind == "empty":
        return other or one or ColumnStats("empty", 0)
    if other is None or other.kind == "empty":
        return one
    values = one.values + other.values
    if one.kind != other.kind:
        return ColumnStats("mixed", values)
    return ColumnStats(
        one.kind,
        values,
        one.numbers.merged(other.numbers) if one.numbers and other.numbers else one.numbers or other.numbers,
        one.texts.merged(other.texts) if one.texts and other.texts else None,
        one.trues + other.trues,
        len(texts) if one.kind == "text" and texts is not None else None,
    )


def _bounded(value: float) -> float:
    """What JSON can hold."""
    return min(max(value, -_LARGEST), _LARGEST)
