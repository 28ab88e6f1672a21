"""What a record of a source's own topic does to the row of its key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace import raw
from headrace.errors import Reason, TerminalError
from headrace.records import RowSchema, schema_of
from headrace.refusal import Refusal
from headrace.streams.batch import Batch
from sink_cassandra.packing import MAX_KEY_BYTES
from sink_cassandra.sources.row_values import Value, values_of

OFFSET_BITS = 20


@dataclass(frozen=True, slots=True)
class SourceWrite:
    """One record's write.

    Attributes:
        time: Cassandra's write time, see `write_time`.
        values: of the columns that have one, or None where the row is deleted.
    """

    batch: Batch
    index: int
    schema: RowSchema
    key: str
    time: int
    values: Mapping[str, Value] | None

    def refused(self, error: TerminalError) -> Refusal:
        return Refusal(self.batch, self.index, error)


def write_time(appended: int, offset: int) -> int:
    """Orders the records of a key, which are in one partition: by the millisecond of their append, then by offset.

    So a record that is written again, after a crash or by a replay, never replaces a later one. What is not exact: of
    two records of one millisecond the earlier wins where a multiple of 2^20 lies between their offsets, and where the
    broker's clock is set back, the record with the later time wins. Both are the same in any cut into batches.

    Args:
        appended: microseconds, of whole milliseconds. Until the year 2248 the result fits 64 bits.
    """
    return (appended // 1_000 << OFFSET_BITS) + (offset & (1 << OFFSET_BITS) - 1)


def version_of(batch: Batch, index: int) -> int:
    """The version of the schema that a row's header names; 0 for a deletion that names none.

    Raises:
        TerminalError: it names none, or that of another topic.
    """
    headers = batch.headers[index]
    name = schema_of(headers)
    topic, _, version = name.rpartition(".v")
    if topic == batch.topic and version.isascii() and version.isdigit() and len(version) <= 9:
        return int(version)
    if not name and is_deletion(headers):
        return 0
    raise TerminalError(Reason.UNKNOWN_SCHEMA, f"header schema is {name!r}, and {batch.topic}.v1 or a later one fits")


def write_of(batch: Batch, index: int, schema: RowSchema) -> SourceWrite:
    """The write of a record whose schema is known.

    Raises:
        TerminalError: it can't be stored.
    """
    values = None if is_deletion(batch.headers[index]) else values_of(batch.values[index], schema.columns)
    time = write_time(batch.timestamps[index], batch.offsets[index])
    return SourceWrite(batch, index, schema, _key(batch.keys[index]), time, values)


def is_deletion(headers: Sequence[tuple[str, bytes]]) -> bool:
    """Whether a record tells that its row was deleted where it came from."""
    return raw.header(headers, raw.SOURCE_OP) == raw.DELETE


def _key(key: bytes | None) -> str:
    if not key or len(key) > MAX_KEY_BYTES:
        detail = f"a key of {len(key or b'')} bytes; 1 to {MAX_KEY_BYTES} can be stored"
        raise TerminalError(Reason.REFUSED_BY_STORE, detail)
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise TerminalError(Reason.INVALID_UTF8, f"the key: {error}") from error
