"""What every connector gives and every rule takes: consecutive rows of one source as a polars table."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from headrace.errors import ConfigurationError, Reason

ROW = "__row__"
"""The column (Int64) with the number of each row in its origin, counted from 1: data rows of a file, without header."""


@dataclass(frozen=True)
class BadRow:
    """A row that goes to the dead letters.

    Attributes:
        number: as in `ROW`.
        detail: what is wrong and with which value, for the person who mends it.
        original: the row as it came: a line of a file, or the cells as JSON.
    """

    number: int
    reason: Reason
    detail: str
    original: bytes


@dataclass(frozen=True)
class Rows:
    """A part of a source, in the order of the source.

    Attributes:
        table: the good rows, with `ROW` rising; other columns are what the source has, text where it has no types.
        bad: rows of the same part that can't be read, by rising number; none of them is in `table`.
        end: number of the last row that belongs to this part, good or bad.
    """

    table: pl.DataFrame
    bad: tuple[BadRow, ...]
    end: int


def is_bare(table: pl.DataFrame) -> bool:
    """Whether it has neither rows nor columns, as of a part in which nothing could be read."""
    return table.columns == [ROW] and table.is_empty()


def with_columns(table: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The table with these columns, without values where it doesn't have them."""
    missing = [name for name in dict.fromkeys(names) if name not in table.columns]
    return table.with_columns(pl.lit(None).alias(name) for name in missing) if missing else table


def check_columns(table: pl.DataFrame, wanted: Iterable[str], where: str) -> None:
    """Raises:
    ConfigurationError: the table lacks one.
    """
    if missing := [name for name in dict.fromkeys(wanted) if name not in table.columns]:
        known = ", ".join(name for name in table.columns if name != ROW)
        raise ConfigurationError(f"{where}: there is no column {', '.join(missing)}; there are {known}")
