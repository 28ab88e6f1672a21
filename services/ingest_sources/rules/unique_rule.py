"""The rule `unique`: rows with the key of an earlier row, of the same part or of the last ones before it."""

from hashlib import blake2b

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW
from ingest_sources.rules.models import Unique
from ingest_sources.rules.seen_keys import SeenKeys
from ingest_sources.rules.steps import Finding, Step, refuse, show_row

_EXACT = 1 << 53


def unique(rule: Unique, table: pl.DataFrame) -> Step:
    """Refuses each row that repeats an earlier one of this table; rows of other parts are not known here."""
    key = table.select(rule.columns)
    first = key.select(pl.struct(rule.columns).is_first_distinct()).to_series()
    bad = _complete(key) & ~first
    if not bad.any():
        return Step(table)
    earlier = table.select(pl.col(ROW).first().over(rule.columns)).to_series().filter(bad)
    cells = show_row(table.filter(bad), rule.columns)
    details = [f"{cell}, as in row {row}" for cell, row in zip(cells, earlier, strict=True)]
    return refuse(table, [Finding(bad, details)])


def unique_within(rule: Unique, table: pl.DataFrame, seen: SeenKeys) -> Step:
    """Refuses each row whose key is among the last that passed here, in this part or before it.

    Raises:
        ConfigurationError: a column holds lists or objects.
    """
    key = table.select(rule.columns)
    complete = _complete(key)
    repeats = pl.Series(seen.look(_hash(text) for text in _texts(key.filter(complete))), dtype=pl.Boolean)
    if not repeats.any():
        return Step(table)
    numbers = table[ROW].filter(complete).filter(repeats)
    bad = table[ROW].is_in(numbers.implode())
    cells = show_row(table.filter(bad), rule.columns)
    return refuse(table, [Finding(bad, [f"{cell}, as in one of the last {rule.within} before it" for cell in cells])])


def _complete(key: pl.DataFrame) -> pl.Series:
    return ~key.select(pl.any_horizontal(pl.all().is_null())).to_series()


def _texts(key: pl.DataFrame) -> pl.Series:
    """A text for each row, which is another one for another key."""
    parts: dict[str, pl.Series] = {}
    for at, name in enumerate(key.columns):
        text = _text(key[name])
        parts |= {f"size {at}": text.str.len_bytes().cast(pl.String), f"text {at}": text}
    return pl.DataFrame(parts).select(pl.concat_str(pl.all(), separator=":")).to_series()


def _text(series: pl.Series) -> pl.Series:
    if series.dtype.is_nested() or isinstance(series.dtype, pl.Object):
        raise ConfigurationError(f"{series.name} is {series.dtype}, by which rows can't be told apart; take it out")
    if series.dtype == pl.Binary:
        return series.bin.encode("hex")
    if series.dtype.is_float():
        # A column of JSON numbers is of floats as soon as one of its part is: 7 must be the same key in every part.
        whole = (series == series.round()) & (series.abs() < _EXACT)
        as_whole = series.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.select(pl.when(whole).then(as_whole).otherwise(series.cast(pl.String))).to_series()
    return series.cast(pl.String)


def _hash(text: str) -> int:
    # With 64 bits, a row in 10^13 is refused by mistake where a million keys are known.
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
