"""The schema of a source's own topic while its rows are delivered, and how it is read again."""

from collections.abc import Callable

import polars as pl

from headrace.clock import Clock
from headrace.compacted_topic import read_compacted
from headrace.errors import TerminalError, TransientError
from headrace.kafka import headers_of_message
from headrace.records import ROW_SCHEMAS, RowSchema, decode, encode, headers_of
from headrace.streams.batch import OutRecord
from ingest_sources.row_schema import grown, new_schema


class SchemaKeeper:
    """Grows a topic's schema with its rows.

    Args:
        load: reads what is committed, or None where there is nothing yet.
    """

    def __init__(self, source: str, topic: str, key: str, load: Callable[[], RowSchema | None], clock: Clock) -> None:
        self._new = new_schema(source, topic, key)
        self._load = load
        self._clock = clock
        self._schema: RowSchema | None = None

    def grown(self, table: pl.DataFrame) -> RowSchema:
        """The schema with a table's columns; `take` it once it is sure that the rows are delivered.

        Raises:
            ConfigurationError: a column has another type than before, or there would be too many.
            TransientError: the brokers don't say what is committed.
        """
        if self._schema is None:
            self._schema = self._load() or self._new
        return grown(self._schema, table, self._clock.now_us())

    def take(self, schema: RowSchema) -> list[OutRecord]:
        """Goes on from what `grown` gave; returns the record that tells of it where it is new."""
        is_new = schema is not self._schema
        self._schema = schema
        return [_record(schema)] if is_new else []

    def forget(self) -> None:
        """Reads again what is committed: what was taken since may never have been."""
        self._schema = None


def read_schema(brokers: str, topic: str) -> RowSchema | None:
    """The committed schema of a topic.

    Raises:
        TransientError: the brokers don't answer, or a later version of Headrace wrote it: no row is at fault.
    """
    found = read_compacted(brokers, ROW_SCHEMAS, topic.encode()).get(topic.encode())
    if found is None:
        return None
    try:
        record = decode(found.value(), headers_of_message(found))
    except TerminalError as error:
        raise TransientError(f"the schema of {topic} can't be read by this version of Headrace: {error}") from error
    return record if isinstance(record, RowSchema) else None


def _record(schema: RowSchema) -> OutRecord:
    return OutRecord(ROW_SCHEMAS, schema.topic.encode(), encode(schema), headers_of(schema))
