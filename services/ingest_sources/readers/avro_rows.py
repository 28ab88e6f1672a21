"""Reads Avro object container files by fastavro, a block at a time."""

import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import SchemaParseException

from headrace.errors import Reason
from ingest_sources.readers.avro_columns import Column, columns_of_schema, use_own_logical_types
from ingest_sources.readers.avro_file import AvroFile, Block
from ingest_sources.readers.byte_stream import ByteStream
from ingest_sources.readers.chunks import Chunk, Row, Wrong, chunks, sized
from ingest_sources.readers.models import Limits
from ingest_sources.readers.parts import KEPT_BYTES, Part, check_names, numbered
from ingest_sources.readers.refusal import FileRefused, unreadable


def avro_parts(stream: ByteStream, limits: Limits, after_row: int) -> Iterator[Part]:
    """The records as rows, in their order, in the columns of the schema; blocks that end up to `after_row` are passed.

    Timestamps become int64 microseconds UTC, local ones, dates and times of day ISO text, or the number as text where
    Python has no such year; decimals, UUIDs, enums and durations text; bytes text where they are UTF-8, base64 where
    not; arrays, maps and unions of several records JSON text. A row with a text that is no UTF-8 is bad.

    Raises:
        FileRefused: damaged, of a codec that is not read, over a limit, or its values are no records.
    """
    file = AvroFile(stream, limits)
    schema = _parsed(file.schema)
    columns = columns_of_schema(schema)
    check_names([column.name for column in columns], limits.max_columns)
    use_own_logical_types()
    blocks = file.blocks()
    before = 0
    for block in blocks:
        if before + block.records > after_row:
            # Blocks may be small, so from here on chunks reach over them.
            rows = (row for each in chain([block], blocks) for row in _rows(file, each, schema, columns))
            for chunk in chunks(rows, limits, before):
                yield _part(chunk, columns)
            return
        before += block.records
        yield Part(numbered({}, []), before)


def _parsed(schema: Any) -> Any:
    try:
        return parse_schema(schema)
    except RecursionError as error:
        raise FileRefused(Reason.TOO_DEEP, "its schema nests too deeply") from error
    except (SchemaParseException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise unreadable(f"its schema is none: {type(error).__name__}: {error}") from error


def _rows(file: AvroFile, block: Block, schema: Any, columns: list[Column]) -> Iterator[Row]:
    data = file.unpacked(block)
    source = io.BytesIO(data)
    for number in range(1, block.records + 1):
        try:
            record = schemaless_reader(source, schema, None, handle_unicode_errors="surrogateescape")
        except MemoryError:
            raise
        except Exception as error:
            # The library has no error of its own: a damaged block may bring out any.
            raise unreadable(f"record {number} of a block is damaged: {type(error).__name__}: {error}") from error
        yield _row(record, columns)
    if source.tell() != len(data):
        raise unreadable(f"a block of {block.records} records has {len(data) - source.tell()} bytes after them")


def _row(record: Any, columns: list[Column]) -> Row:
    try:
        return sized({column.name: column.cell(record) for column in columns})
    except UnicodeEncodeError:
        original = json.dumps(record, default=repr).encode()
        return Row(
            Wrong(Reason.INVALID_UTF8, "a text has bytes that are no UTF-8", original[:KEPT_BYTES]), len(original)
        )


def _part(chunk: Chunk, columns: list[Column]) -> Part:
    arrays = {column.name: pa.array([row[column.name] for row in chunk.rows], column.kind) for column in columns}
    return Part(numbered(arrays, chunk.numbers), chunk.end, chunk.bad)
