"""One column of a snapshot as the model takes it, or an error that names the column, the row and the value."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headrace.clock import MICROSECONDS
from headrace.errors import ConfigurationError
from headrace.instants import FIRST_US, LAST_US, parse_any_instant
from headrace.models.inputs import MISSING_TEXT, Input, value_text

Array = np.ndarray[Any, Any]
_TRUTH = {"true": 1.0, "yes": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "no": 0.0, "0": 0.0, "0.0": 0.0}


@dataclass(frozen=True)
class Cells:
    """A column's values.

    Attributes:
        rows: the number, from 1, that each value's row has in the snapshot.
    """

    name: str
    values: pa.Array
    rows: Array

    def first(self, mask: Array) -> int:
        """The number of the first marked row."""
        return int(self.rows[np.argmax(mask)])


def input_column(field: Input, cells: Cells) -> Array:
    """The values of an input: float64, NaN where missing, or object of text, "" where missing.

    Raises:
        ConfigurationError: a value is of another kind, missing where it may not be, or outside what the file allows.
    """
    if field.is_numeric:
        values = as_numbers(cells, _READERS[field.kind])
        _check_bounds(field, cells, values)
        missing = np.isnan(values)
    else:
        values = as_texts(cells.values)
        missing = values == MISSING_TEXT
    if missing.any() and not field.nullable:
        raise ConfigurationError(
            f"column {field.name!r} has no value in row {cells.first(missing)} and {int(missing.sum()) - 1} others: "
            "say `nullable: true` if that may be, or mend the data"
        )
    return values


def as_texts(column: pa.Array) -> Array:
    """Texts as `headrace.models.inputs.columns` makes them of a request's values."""
    texts = np.empty(len(column), dtype=object)
    texts[:] = [value if isinstance(value, str) else value_text(value) for value in column.to_pylist()]
    return texts


def as_times(cells: Cells) -> Array:
    """Epoch seconds of a row's own time, NaN where missing; without a zone it is UTC.

    Raises:
        ConfigurationError: a value is no time.
    """
    return as_numbers(cells, _second_utc)


def as_numbers(cells: Cells, read: Callable[[Any], float] | None = None) -> Array:
    """float64, NaN where missing.

    Args:
        read: one value that is there as a number, ValueError where it is none; numbers alone where it isn't given.

    Raises:
        ConfigurationError: as `read` says, or a number is infinite.
    """
    read = read or _number
    column, kind = cells.values, cells.values.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_timestamp(kind) and read in (_second, _second_utc):
        return _seconds(cells)
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)) and read is _number:
        return _finite(cells, _with_nan(pc.cast(column, pa.float64(), safe=False)))
    if pa.types.is_string(kind) and read is _number:
        quick = _parsed(column)
        if quick is not None:
            return quick
    return _one_by_one(cells, read)


def _parsed(column: pa.Array) -> Array | None:
    """Texts as numbers, all at once; None where one is none, or is one of which Arrow thinks otherwise."""
    try:
        values = _with_nan(pc.cast(pc.utf8_trim_whitespace(column), pa.float64()))
    except pa.ArrowInvalid:
        return None
    is_finite = np.isfinite(values) | column.is_null().to_numpy(zero_copy_only=False)
    return values if is_finite.all() else None


def _finite(cells: Cells, values: Array) -> Array:
    if (infinite := np.isinf(values)).any():
        raise _no(cells, int(np.argmax(infinite)), float(values[np.argmax(infinite)]), "no finite number")
    return values


def _seconds(cells: Cells) -> Array:
    """Of timestamps in microseconds."""
    whole = cells.values.cast(pa.int64())
    outside = pc.fill_null(pc.or_(pc.less(whole, FIRST_US), pc.greater(whole, LAST_US)), False)
    if (found := pc.index(outside, True).as_py()) >= 0:
        raise _no(cells, found, whole[found].as_py(), "outside the years 1 to 9999, in microseconds since 1970")
    return _with_nan(pc.cast(whole, pa.float64(), safe=False)) / MICROSECONDS


def _no(cells: Cells, place: int, value: Any, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"column {cells.name!r}, row {cells.rows[place]}: {value!r} is {what}; mend it, put it "
        "among `missing_values`, or give the input another kind"
    )


def _one_by_one(cells: Cells, read: Callable[[Any], float]) -> Array:
    found = np.full(len(cells.values), np.nan)
    for place, value in enumerate(cells.values.to_pylist()):
        if value is not None:
            try:
                found[place] = read(value)
            except (ValueError, TypeError, OverflowError):
                raise _no(cells, place, value, _WORDS[read]) from None
    return found


def _with_nan(column: pa.Array) -> Array:
    values: Array = np.array(pc.fill_null(column, math.nan).to_numpy(zero_copy_only=False), dtype=np.float64)
    return values


def _number(value: Any) -> float:
    if isinstance(value, datetime) or (isinstance(value, str) and "_" in value):
        raise ValueError("no number")
    found = float(value)
    if not math.isfinite(found):
        raise ValueError("no finite number")
    return found


def _truth(value: Any) -> float:
    found = _TRUTH.get(str(value).strip().lower())
    if found is None:
        raise ValueError("neither true nor false")
    return found


def _second(value: Any) -> float:
    return parse_any_instant(value) / MICROSECONDS


def _second_utc(value: Any) -> float:
    try:
        return _second(value)
    except ValueError:
        moment = datetime.fromisoformat(str(value).strip())
        if moment.tzinfo is not None:
            raise
        return _second(moment.replace(tzinfo=UTC).isoformat())


_READERS: dict[str, Callable[[Any], float]] = {"number": _number, "boolean": _truth, "time": _second}
_WORDS: dict[Callable[[Any], float], str] = {
    _number: "no number",
    _truth: "none of true, false, yes, no, 1 and 0",
    _second: "no time in the years 1 to 9999: ISO 8601 with a zone, or an epoch number in s, ms, µs or ns",
    _second_utc: "no time in the years 1 to 9999: ISO 8601, or an epoch number in s, ms, µs or ns",
}


def _check_bounds(field: Input, cells: Cells, values: Array) -> None:
    for bound, sign, word in ((field.minimum, -1, "below the minimum"), (field.maximum, 1, "above the maximum")):
        if bound is not None and (outside := sign * values > sign * bound).any():
            value = values[np.argmax(outside)]
            raise ConfigurationError(
                f"column {field.name!r}, row {cells.first(outside)}: {value:g} is {word} of {bound:g}"
            )
