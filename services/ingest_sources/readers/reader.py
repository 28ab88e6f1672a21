"""The reading process: one file, from its bytes to frames of rows."""

import os
import resource
import time
from collections.abc import Iterator

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import Reason
from ingest_sources.readers import guard
from ingest_sources.readers.avro_rows import avro_parts
from ingest_sources.readers.csv_rows import csv_parts
from ingest_sources.readers.excel_rows import excel_parts
from ingest_sources.readers.find_format import Found, find
from ingest_sources.readers.json_rows import json_parts, ndjson_parts
from ingest_sources.readers.messages import Alive, Done, Facts, Message, PartSent, Refused, Request, framed
from ingest_sources.readers.models import Limits, ReadOptions
from ingest_sources.readers.open_file import FileInput
from ingest_sources.readers.parquet_rows import parquet_parts
from ingest_sources.readers.parts import Part, after, cut
from ingest_sources.readers.refusal import FileRefused
from ingest_sources.readers.xml_rows import xml_parts

ALIVE_SECONDS = 1.0


def read_and_send(request: bytes, file: int, pipe: int) -> None:
    """Reads the file behind `file` as `request` says, within its limits, and sends the frames to `pipe`."""
    asked = msgspec.msgpack.decode(request, type=Request)
    limits = Limits.model_validate(asked.limits)
    guard.restrict(limits.memory_mb, os.getppid())
    send = Sender(pipe, asked.after_row)
    try:
        _read(asked, limits, FileInput(file), send)
    except FileRefused as refused:
        send.message(Refused(refused.reason, refused.detail))
    except (MemoryError, pa.ArrowMemoryError):
        send.message(Refused(Reason.TOO_LARGE, f"needs more memory than limits.memory_mb, {limits.memory_mb}"))
    except (pa.ArrowException, OSError, ValueError) as error:
        send.message(Refused(Reason.UNEXPECTED_SHAPE, _short(str(error))))
    except Exception as error:
        # A mistake of the reader that this file brings out: it must not stop the other files.
        send.message(Refused(Reason.UNEXPECTED_SHAPE, _short(f"the reader failed: {type(error).__name__}: {error}")))
    else:
        send.message(Done(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def _short(text: str) -> str:
    return " ".join(text.split())[:500]


def _read(asked: Request, limits: Limits, file: FileInput, send: "Sender") -> None:
    options = ReadOptions.model_validate(asked.options)
    found = find(file, asked.name, options, limits)
    for part in _parts(found, options, limits, asked.after_row, send):
        for piece in cut(part, limits.chunk_rows):
            send.part(piece)


def _parts(found: Found, options: ReadOptions, limits: Limits, after_row: int, send: "Sender") -> Iterator[Part]:
    facts = Facts(found.format, found.compression)
    if found.format == "csv":
        return csv_parts(found.stream, options.csv, limits, found.tabs, lambda csv: send.message(csv), facts)
    send.message(facts)
    if found.format == "parquet":
        return parquet_parts(found.file, limits, after_row)
    if found.format == "excel":
        return excel_parts(found.whole(limits), options.excel, limits, after_row)
    if found.format == "avro":
        return avro_parts(found.stream, limits, after_row)
    if found.format == "xml":
        return xml_parts(found.stream, options.xml, limits, after_row)
    parts = ndjson_parts if found.format == "ndjson" else json_parts
    return parts(found.stream, limits, after_row)


class Sender:
    """Sends the rows after a number, and a sign of life where they are skipped."""

    def __init__(self, pipe: int, after_row: int) -> None:
        self._pipe = pipe
        self._after_row = after_row
        self._said = time.monotonic()

    def message(self, message: Message, body: bytes | memoryview = b"") -> None:
        self._said = time.monotonic()
        for piece in framed(message, body):
            left = memoryview(piece)
            while left:
                left = left[os.write(self._pipe, left) :]

    def part(self, part: Part) -> None:
        if part.end <= self._after_row:
            if time.monotonic() - self._said > ALIVE_SECONDS:
                self.message(Alive(part.end))
            return
        part = after(part, self._after_row)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, part.table.schema) as writer:
            writer.write_table(part.table)
        self.message(PartSent(part.end, part.bad), memoryview(sink.getvalue()))
