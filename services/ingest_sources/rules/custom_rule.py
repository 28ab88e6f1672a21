"""The rule `custom`: a Python function of the operator's, whose result is checked."""

import copy
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from headrace.errors import Reason, TransientError
from ingest_sources.rows import ROW
from ingest_sources.rules.models import Custom
from ingest_sources.rules.steps import Refused, Step, TellsValues

Function = Callable[..., Any]
"""Takes a table, and options by name; gives a table, or a `Step` that also names the rows it refuses."""
Functions = Mapping[str, Function]
"""By the name under which a rule has it."""
_SAID = 500


def custom(rule: Custom, table: pl.DataFrame, function: Function) -> Step:
    """Rows that are in the result are passed; those of a `Step` may be refused; all others count as dropped.

    Raises:
        ConfigurationError: the function failed, or its result is no part of the table's rows in their order.
    """
    try:
        result = function(table.clone(), **copy.deepcopy(rule.options))
    except TransientError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise _failed(rule, function, error) from error
    if isinstance(result, pl.DataFrame):
        result = Step(result)
    if not isinstance(result, Step) or not isinstance(result.table, pl.DataFrame):
        raise _wrong(rule, f"gives {type(result).__name__}, not a polars DataFrame or a Step")
    refused = _refused(rule, result.refused)
    _check_rows(rule, table[ROW], result.table)
    _check_refused(rule, table[ROW], result.table[ROW], [row.number for row in refused])
    return Step(result.table, tuple(refused), table.height - result.table.height - len(refused))


def _check_rows(rule: Custom, given: pl.Series, table: pl.DataFrame) -> None:
    numbers = table.get_column(ROW, default=None)
    if numbers is None:
        raise _wrong(rule, f"takes the column {ROW} away, by which rows are known; leave it as it is")
    if numbers.dtype != pl.Int64 or numbers.null_count():
        raise _wrong(rule, f"changes {ROW}, by which rows are known; leave it as it is")
    if invented := numbers.filter(~numbers.is_in(given.implode())).to_list():
        raise _wrong(rule, f"gives rows that it was not given: {ROW} {_some(invented)}")
    # Row numbers rise, so order and repeats are seen at once.
    if not (numbers.diff().drop_nulls() > 0).all():
        raise _wrong(rule, "gives a row twice or changes the order of rows; each may come once, where it was")


def _check_refused(rule: Custom, given: pl.Series, passed: pl.Series, numbers: Sequence[int]) -> None:
    known, kept = set(given), set(passed)
    if odd := [number for number in numbers if number not in known or number in kept]:
        raise _wrong(rule, f"refuses rows that it passes or was not given: {ROW} {_some(odd)}")
    if len(set(numbers)) < len(numbers):
        raise _wrong(rule, "refuses a row twice")


def _refused(rule: Custom, rows: Sequence[Refused]) -> list[Refused]:
    try:
        return [Refused(int(row.number), f"{rule.function}: {row.detail}", Reason(row.reason)) for row in rows]
    except (AttributeError, TypeError, ValueError) as error:
        raise _wrong(rule, f"refuses rows with something else than `Refused`s with a known Reason: {error}") from error


def _some(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")


def _failed(rule: Custom, function: Function, error: BaseException) -> TellsValues:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == getattr(function, "__globals__", {}).get("__file__")]
    frame = (own or frames)[-1]
    where = f"{rule.function} failed in line {frame.lineno} of {frame.filename}: {type(error).__name__}"
    # What an error says may hold values of a row; polars adds the query as it rewrote it.
    said = str(error).split("\n\n", 1)[0][:_SAID]
    return TellsValues(f"{where}: {said}", f"{where}, whose text is not shown as it may be personal")


def _wrong(rule: Custom, what: str) -> TellsValues:
    message = f"{rule.function} {what}"
    return TellsValues(message, message)
