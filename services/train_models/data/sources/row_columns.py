"""Rows of a source's own topic as columns: JSON objects, whose names and types `sources.schemas` holds."""

from collections.abc import Sequence
from contextlib import closing
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError, TerminalError
from headrace.kafka import headers_of_message
from headrace.range_reader import RangeReader
from headrace.records import ROW_SCHEMAS, ColumnType, RowSchema, decode
from train_models.data.blocks import BOOLEAN, NUMBER, TEXT
from train_models.data.sources.record_columns import decode_all

_PREFIX = "sources."
_TYPES: dict[ColumnType, Any] = {"number": float | None, "boolean": bool | None, "text": str | None}
_KINDS: dict[ColumnType, pa.DataType] = {"number": NUMBER, "boolean": BOOLEAN, "text": TEXT}


class RowColumns:
    """Decodes rows of one topic by the newest schema, which has all columns that older ones had.

    Raises:
        ConfigurationError: a wanted column is not among them.
    """

    def __init__(self, schema: RowSchema, wanted: Sequence[str] = ()) -> None:
        if missing := [name for name in wanted if name not in schema.columns]:
            there = ", ".join(schema.columns)
            raise ConfigurationError(f"{schema.topic} has no column {', '.join(missing)}; there are {there}")
        self.name = f"{schema.topic}.v1 to v{schema.version}"
        self._versions = {f"{schema.topic}.v{number}" for number in range(1, schema.version + 1)}
        # Names of columns are any text, those of a struct's fields are not.
        numbered = {name: f"c{number}" for number, name in enumerate(schema.columns)}
        fields = [(numbered[name], _TYPES[kind], None) for name, kind in schema.columns.items()]
        rename = {field: name for name, field in numbered.items()}
        self._decode = msgspec.json.Decoder(msgspec.defstruct("Row", fields, rename=rename, gc=False)).decode
        chosen = list(wanted or schema.columns)
        self._columns = [(name, _KINDS[schema.columns[name]], attrgetter(numbered[name])) for name in chosen]

    def reads(self, schema: str) -> bool:
        """Whether rows whose header names it are of this topic."""
        return schema in self._versions

    def decode(self, values: Sequence[bytes | None]) -> tuple[list[Any], list[int], list[str]]:
        """The rows, the places of those that are none, and why."""
        return decode_all(self._decode, values)

    def batch(self, rows: Sequence[Any]) -> pa.RecordBatch:
        """One row per record."""
        arrays = [pa.array(list(map(get, rows)), kind) for _, kind, get in self._columns]
        return pa.RecordBatch.from_arrays(arrays, names=[name for name, _, _ in self._columns])


def newest_schema(brokers: str, topic: str) -> RowSchema | None:
    """What is written of a source's own topic; None for any other.

    Raises:
        ConfigurationError: a source's own topic has no schema.
        TransientError: the brokers don't answer.
    """
    if not topic.startswith(_PREFIX) or topic == ROW_SCHEMAS:
        return None
    found: RowSchema | None = None
    with closing(RangeReader(brokers, ROW_SCHEMAS, 0)) as reader:
        reader.start(*reader.bounds())
        while not reader.is_done:
            for message in reader.read():
                try:
                    record = decode(message.value(), headers_of_message(message))
                except TerminalError:
                    # A later Headrace's, or a tombstone.
                    continue
                if isinstance(record, RowSchema) and record.topic == topic:
                    found = record
    if found is None:
        raise ConfigurationError(f"{ROW_SCHEMAS} has no columns of {topic}: has its source ever loaded a row?")
    return found
