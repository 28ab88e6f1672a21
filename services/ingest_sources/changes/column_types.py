"""PostgreSQL's types as the few that rules know, by the same habits as for files: see `readers/parquet_columns.py`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import polars as pl

from ingest_sources.changes.array_text import parse_array

_DATE_TIME = "%Y-%m-%d %H:%M:%S%.f"


class Kind(StrEnum):
    """What becomes of a type's texts; all others stay as they are, numeric and json among them."""

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TIME = "time"
    LOCAL_TIME = "local time"
    BYTES = "bytes"
    TEXT = "text"


KINDS = {
    16: Kind.BOOLEAN,
    **dict.fromkeys((20, 21, 23, 26), Kind.INTEGER),  # int8, int2, int4, oid
    **dict.fromkeys((700, 701), Kind.FLOAT),
    1184: Kind.TIME,  # timestamp with time zone
    1114: Kind.LOCAL_TIME,  # timestamp
    17: Kind.BYTES,
}
"""By OID of built-in types."""


@dataclass(frozen=True)
class ColumnType:
    """Attributes:
    oid: of the type; of the one below, where it is a domain.
    kind: of the values, or of an array's elements.
    """

    oid: int
    kind: Kind = Kind.TEXT
    is_array: bool = False

    @property
    def dtype(self) -> pl.DataType:
        """Of its column."""
        if self.is_array:
            return pl.String()
        return _COLUMNS[self.kind][0]

    def convert(self, texts: pl.Series) -> pl.Series:
        """The values of texts as PostgreSQL writes them; null where one is not of the type.

        Whole numbers become Int64; times with a zone Int64, microseconds UTC, without one ISO text; bytes hexadecimal
        digits; arrays JSON; what else there is stays text.
        """
        if self.is_array:
            return texts.map_elements(self._as_json, pl.String)
        return _COLUMNS[self.kind][1](texts)

    def _as_json(self, text: str) -> str | None:
        try:
            return json.dumps(parse_array(text, _ITEMS[self.kind]), ensure_ascii=False, separators=(",", ":"))
        except ValueError:
            return None


def _time(texts: pl.Series) -> pl.Series:
    return texts.str.strip_suffix("+00").str.to_datetime(_DATE_TIME, time_unit="us", strict=False).dt.timestamp("us")


def _time_item(text: str) -> int:
    away = datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01 00:00:00+00")
    return (away.days * 86_400 + away.seconds) * 1_000_000 + away.microseconds


def _float_item(text: str) -> float | str:
    # JSON has neither NaN nor infinity.
    return text if text.strip("-")[:1] in "NI" else float(text)


_COLUMNS: dict[Kind, tuple[pl.DataType, Callable[[pl.Series], pl.Series]]] = {
    Kind.INTEGER: (pl.Int64(), lambda texts: texts.cast(pl.Int64, strict=False)),
    Kind.FLOAT: (pl.Float64(), lambda texts: texts.cast(pl.Float64, strict=False)),
    Kind.BOOLEAN: (pl.Boolean(), lambda texts: texts == "t"),
    Kind.TIME: (pl.Int64(), _time),
    Kind.LOCAL_TIME: (pl.String(), lambda texts: texts.str.replace(" ", "T", literal=True)),
    Kind.BYTES: (pl.String(), lambda texts: texts.str.strip_prefix("\\x")),
    Kind.TEXT: (pl.String(), lambda texts: texts),
}
_ITEMS: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.FLOAT: _float_item,
    Kind.BOOLEAN: "t".__eq__,
    Kind.TIME: _time_item,
    Kind.LOCAL_TIME: lambda text: text.replace(" ", "T", 1),
    Kind.BYTES: lambda text: text.removeprefix("\\x"),
    Kind.TEXT: str,
}
