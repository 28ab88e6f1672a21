"""Columns with times as microseconds in SQL, whatever type they came in: the rule of `headrace.instants` once more.

What both take they take for the same moment; of texts fewer forms of ISO 8601 are taken here, and others are refused.
"""

import duckdb

from headrace.errors import ConfigurationError
from headrace.instants import FIRST_US, LAST_US
from train_models.data.duck import ROW, first_row, quoted

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?"


def epoch_us(connection: duckdb.DuckDBPyConnection, table: str, column: str, kind: str) -> str:
    """The expression of a column's time; each of its values is looked at first.

    A text is ISO 8601, and UTC where it has no zone, or an epoch number; a number is epoch s, ms, µs or ns by its
    magnitude.

    Raises:
        ConfigurationError: a row has no time, or one that can't be read or is outside the years 1 to 9999.
    """
    name = quoted(column)
    expression = _expression(name, kind)
    bad = first_row(
        connection,
        f"SELECT {ROW}, CAST({name} AS VARCHAR) FROM {table} "  # noqa: S608 - names are quoted
        f"WHERE ({expression} BETWEEN {FIRST_US} AND {LAST_US}) IS NOT TRUE ORDER BY 1",
    )
    if bad:
        what = "has none" if bad[1] is None else f"has {bad[1]!r}"
        raise ConfigurationError(
            f"column {column!r} must hold each row's time, as ISO 8601 or an epoch number in s, ms, µs or ns, in the "
            f"years 1 to 9999; row {bad[0] + 1} {what}"
        )
    return expression


def _expression(name: str, kind: str) -> str:
    if kind == '"NULL"':
        return "CAST(NULL AS BIGINT)"
    if kind == "VARCHAR":
        text = f"trim({name})"
        iso = f"epoch_us(TRY_CAST(replace({text}, ',', '.') AS TIMESTAMPTZ))"
        return (
            f"CASE WHEN regexp_full_match({text}, '[+-]?\\d+') THEN {_of_integer(f'TRY_CAST({text} AS HUGEINT)')} "
            f"WHEN regexp_full_match({text}, '{_NUMBER}') THEN {_of_number(f'TRY_CAST({text} AS DOUBLE)')} "
            f"WHEN regexp_full_match({text}, '{_ISO}') THEN {iso} END"
        )
    if kind.startswith("TIMESTAMP"):
        return f"epoch_us({name})"
    if kind == "BIGINT":
        return _of_integer(name)
    if kind == "DOUBLE":
        return _of_number(name)
    raise ConfigurationError(f"column {name} is of type {kind}, which is no time")


def _of_integer(number: str) -> str:
    return _by_magnitude(number, f"{number} * 1000000", f"{number} * 1000", number, f"{number} // 1000")


def _of_number(number: str) -> str:
    # What is below a microsecond is dropped, but not what binary fractions of a second lack.
    return _by_magnitude(
        number, f"round({number} * 1e6)", f"round({number} * 1e3)", f"trunc({number})", f"trunc({number} / 1e3)"
    )


def _by_magnitude(number: str, *microseconds: str) -> str:
    cases = " ".join(
        f"WHEN {number} > -{10**power} AND {number} < {10**power} THEN TRY_CAST({us} AS BIGINT)"
        for power, us in zip((11, 14, 17, 20), microseconds, strict=True)
    )
    return f"CASE {cases} END"
