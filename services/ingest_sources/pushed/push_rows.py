"""The body of a push to rows."""

import os
from collections.abc import Iterator

import msgspec
import polars as pl

from headrace.errors import Reason, TerminalError
from headrace.pushed import BodyType, Push
from ingest_sources.feeds.message_rows import json_rows
from ingest_sources.readers.models import CsvOptions, Limits, ReadOptions
from ingest_sources.readers.read_file import read_rows
from ingest_sources.rows import ROW, BadRow, Rows

MAX_ROWS = 50_000
"""Of a body: what becomes of its rows is held at once."""
_WHOLE = 0
"""In place of a row's number: the body as a whole."""
_UTF8_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_CSV_LIMITS = Limits(memory_mb=384, seconds=60, stall_seconds=30, chunk_rows=MAX_ROWS)


def push_rows(push: Push, csv: CsvOptions) -> list[Rows]:
    """The rows of a body, in their order, numbered from 1.

    A body that can't be read, or not to its end, is a bad row in its place, whose number is 0.

    Raises:
        ReaderLost: the process that reads CSV was ended by somebody else.
    """
    try:
        if push.content_type is BodyType.CSV:
            return _csv_rows(push.body, csv)
        body = push.body.removeprefix(_UTF8_BOM)
        texts = _lines(body) if push.content_type is BodyType.NDJSON else _elements(body)
        _check_count(len(texts))
        return json_rows(enumerate(texts, 1))
    except TerminalError as error:
        return [whole(error.reason, error.detail, push.body)]


def whole(reason: Reason, detail: str, body: bytes) -> Rows:
    """In place of rows: the body as a whole goes to the dead letters."""
    return Rows(pl.DataFrame(schema={ROW: pl.Int64}), (BadRow(_WHOLE, reason, detail, body),), _WHOLE)


def _lines(body: bytes) -> list[bytes]:
    """As in files: blank lines are no rows."""
    return [line.removesuffix(b"\r") for line in body.split(b"\n") if line.strip(_BLANK)]


def _elements(body: bytes) -> list[bytes]:
    """The texts of an array's elements; the whole text where it is no array."""
    if not body.lstrip(_BLANK).startswith(b"["):
        return [body]
    try:
        # The array's syntax is checked as a whole; the texts in it are, when they are read one by one.
        return [bytes(memoryview(item)) for item in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except RecursionError as error:
        raise TerminalError(Reason.TOO_DEEP, "the body nests too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise TerminalError(Reason.MALFORMED_JSON, f"the body is no JSON: {error}") from error


def _csv_rows(body: bytes, options: CsvOptions) -> list[Rows]:
    found: list[Rows] = []
    end = 0
    try:
        for rows in _csv_parts(body, options):
            end = rows.end
            _check_count(end)
            found.append(rows)
    except TerminalError as error:
        if end > MAX_ROWS:
            raise
        # Rows before a place that can't be read stay valid, as those of a file do.
        found.append(whole(error.reason, f"after row {end}: {error.detail}", body))
    return found


def _csv_parts(body: bytes, options: CsvOptions) -> Iterator[Rows]:
    file = os.memfd_create("push")
    try:
        os.write(file, body)
        read = ReadOptions(format="csv", compression="none", csv=options)
        yield from read_rows(file, "push.csv", read, _CSV_LIMITS)
    finally:
        os.close(file)


def _check_count(count: int) -> None:
    if count > MAX_ROWS:
        raise TerminalError(Reason.TOO_LARGE, f"the body has more than {MAX_ROWS} rows; send several with fewer each")
