"""What every rule gives back, and how a rule refuses rows without a look at each row as long as all is well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from headrace.errors import ConfigurationError, Reason
from ingest_sources.rows import ROW

SHOWN = 80
"""Characters of a value that a dead letter's detail shows; the whole is in its original."""


class TellsValues(ConfigurationError):
    """A mistake whose message shows values, which may be personal.

    Args:
        discreet: the message without them.
    """

    def __init__(self, message: str, discreet: str) -> None:
        super().__init__(message)
        self.discreet = discreet


class ReferenceWrong(TellsValues):
    """Reference data can't be used as they are: no row is to blame, so none may be refused for it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that a rule refuses: its number as in `ROW`, and what is wrong in words."""

    number: int
    detail: str
    reason: Reason


@dataclass(frozen=True)
class Step:
    """A rule's result: the rows that passed, those it refused, and how many it dropped on purpose."""

    table: pl.DataFrame
    refused: tuple[Refused, ...] = ()
    dropped: int = 0


@dataclass(frozen=True)
class Finding:
    """Rows that are refused for one thing.

    Attributes:
        bad: which rows of the table, without null.
        details: what is wrong, one for each bad row.
    """

    bad: pl.Series
    details: Sequence[str]


def look_for(bad: pl.Series, values: pl.Series, say: Callable[[Any], str]) -> list[Finding]:
    """One finding of the rows where `bad` is true, each explained from its value; none where there is no such row."""
    if not bad.any():
        return []
    bad = bad.fill_null(False)
    return [Finding(bad, [say(value) for value in values.filter(bad)])]


def refuse(table: pl.DataFrame, findings: Sequence[Finding], reason: Reason = Reason.REFUSED_BY_RULE) -> Step:
    """Takes the rows of all findings out of the table; the first finding that has a row explains it."""
    if not findings:
        return Step(table)
    details: dict[int, str] = {}
    passed = pl.repeat(True, table.height, eager=True)
    for finding in findings:
        passed &= ~finding.bad
        for number, detail in zip(table[ROW].filter(finding.bad), finding.details, strict=True):
            details.setdefault(number, detail)
    refused = tuple(Refused(number, details[number], reason) for number in sorted(details))
    return Step(table.filter(passed), refused)


def show(value: object) -> str:
    """A cell's value as a person reads it, not longer than `SHOWN`."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def show_row(table: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """The named cells of each row in words: `low is 5, high is 3`."""
    rows = table.select(names).iter_rows()
    return [", ".join(f"{name} is {show(value)}" for name, value in zip(names, row, strict=True)) for row in rows]


def is_text(series: pl.Series) -> bool:
    """Whether the column holds texts; one with nothing but null may be of any type."""
    return isinstance(series.dtype, pl.String | pl.Null)


def numbers(series: pl.Series) -> pl.Series:
    """The column, if it holds numbers or nothing but null.

    Raises:
        ConfigurationError: it has another type.
    """
    if series.dtype == pl.Null:
        return series.cast(pl.Float64)
    if not series.dtype.is_numeric():
        raise ConfigurationError(f"{series.name} is {series.dtype}, not a number; put a `cast` to number before it")
    return series


def no_number(series: pl.Series) -> pl.Series:
    """Which values are NaN or infinite; null where there is no value."""
    return ~series.is_finite() if series.dtype.is_float() else series.is_null() & False
