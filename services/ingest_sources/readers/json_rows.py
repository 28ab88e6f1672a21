"""Reads NDJSON (one object a line) and JSON (an array of objects, or one object)."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headrace.errors import Reason, TerminalError
from ingest_sources.readers.byte_stream import ByteStream
from ingest_sources.readers.json_columns import columns_of, flatten, names_of
from ingest_sources.readers.json_strict import parse_object
from ingest_sources.readers.messages import Bad
from ingest_sources.readers.models import Limits
from ingest_sources.readers.parts import KEPT_BYTES, Part, check_names, numbered, row_too_large
from ingest_sources.readers.refusal import FileRefused, too_large, unreadable

_BLOCK = 1 << 20
CHUNK_BYTES = 16 << 20
"""Of texts that are parsed at once, but for one row."""
_UTF8_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


@dataclass(slots=True)
class _Text:
    """A row as it came, or what is kept of one that is too large: then `size` is over the text's."""

    data: bytes | msgspec.Raw
    size: int


@dataclass
class _Chunk:
    """Texts of consecutive rows. Where one ends depends on the file alone, so that a column's type does as well."""

    first: int
    texts: list[_Text] = field(default_factory=list)
    size: int = 0


def ndjson_parts(stream: ByteStream, limits: Limits, after_row: int) -> Iterator[Part]:
    """The rows in their order; a line that is no JSON object is bad. Blank lines are no rows.

    A column's type is found for each `limits.chunk_rows` rows of the file anew.
    """
    _check_bom(stream)
    for chunk in _chunks(_lines(stream, limits.max_row_bytes), limits):
        yield _part(chunk, limits, after_row)


def json_parts(stream: ByteStream, limits: Limits, after_row: int) -> Iterator[Part]:
    """The objects of the array, or the one object, as rows.

    Raises:
        FileRefused: the document is no valid JSON, has something else in it, or is over `limits.max_json_bytes`.
    """
    _check_bom(stream)
    document = stream.read(limits.max_json_bytes + 1)
    if len(document) > limits.max_json_bytes:
        detail = f"a JSON document is read as a whole and this is over limits.max_json_bytes, {limits.max_json_bytes}"
        raise too_large(f"{detail}; write one object a line (NDJSON), which is read as a stream")
    for chunk in _chunks(_elements(document), limits):
        yield _part(chunk, limits, after_row)


def _check_bom(stream: ByteStream) -> None:
    head = stream.peek(3)
    if head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        raise FileRefused(Reason.INVALID_UTF8, "it is UTF-16; JSON is exchanged as UTF-8 (RFC 8259, section 8.1)")
    if head == _UTF8_BOM:
        stream.read(3)


def _lines(stream: ByteStream, limit: int) -> Iterator[_Text]:
    """Lines without their ends; of one over the limit, only the beginning is held."""
    rest, dropped = b"", 0
    kept = min(KEPT_BYTES, limit)
    while block := stream.read(_BLOCK):
        first, *others = block.split(b"\n")
        rest += first
        for line in others:
            if rest.strip(_BLANK):
                yield _text(rest, dropped, limit)
            rest, dropped = line, 0
        if len(rest) > limit:
            dropped += len(rest) - kept
            rest = rest[:kept]
    if rest.strip(_BLANK):
        yield _text(rest, dropped, limit)


def _text(line: bytes, dropped: int, limit: int) -> _Text:
    line = line.removesuffix(b"\r")
    return _Text(line, len(line) + dropped)


def _elements(document: bytes) -> Iterator[_Text]:
    start = document[:64].lstrip(_BLANK)[:1] or document.lstrip(_BLANK)[:1]
    try:
        # The document's syntax is checked as a whole; the texts in it are, when they are read one by one.
        kind = list[msgspec.Raw] if start == b"[" else msgspec.Raw
        value = msgspec.json.decode(document, type=kind)
    except RecursionError as error:
        raise FileRefused(Reason.TOO_DEEP, "the document nests too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise FileRefused(Reason.MALFORMED_JSON, f"{error}") from error
    for place, item in enumerate(value if isinstance(value, list) else [value], 1):
        if bytes(memoryview(item)[:1]) != b"{":
            raise unreadable(f"element {place} of the document is no object, so it is no row")
        yield _Text(item, len(memoryview(item)))


def _chunks(texts: Iterator[_Text], limits: Limits) -> Iterator[_Chunk]:
    chunk = _Chunk(1)
    for text in texts:
        chunk.texts.append(text)
        chunk.size += text.size
        if len(chunk.texts) >= limits.chunk_rows or chunk.size > CHUNK_BYTES:
            yield chunk
            chunk = _Chunk(chunk.first + len(chunk.texts))
    if chunk.texts:
        yield chunk


def _part(chunk: _Chunk, limits: Limits, after_row: int) -> Part:
    end = chunk.first + len(chunk.texts) - 1
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[Bad] = []
    for number, text in enumerate(chunk.texts if end > after_row else [], chunk.first):
        if text.size > limits.max_row_bytes:
            bad.append(row_too_large(number, text.size, limits.max_row_bytes, bytes(text.data)))
            continue
        try:
            rows.append(flatten(parse_object(bytes(text.data))))
            numbers.append(number)
        except TerminalError as error:
            bad.append(Bad(number, error.reason, error.detail, bytes(text.data)))
    names = names_of(rows)
    check_names(names, limits.max_columns)
    return Part(numbered(columns_of(rows, names), numbers), end, bad)
