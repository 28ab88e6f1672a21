"""Reads XML by defusedxml: each element of one tag is a row."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol
from xml.etree.ElementTree import Element, ParseError, tostring

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from headrace.errors import Reason, TerminalError
from ingest_sources.readers.byte_stream import ByteStream
from ingest_sources.readers.chunks import Row, Wrong, chunks, sized
from ingest_sources.readers.json_columns import MAX_DEPTH, columns_of, names_of
from ingest_sources.readers.models import Limits, XmlOptions
from ingest_sources.readers.parts import KEPT_BYTES, Part, check_names, numbered
from ingest_sources.readers.refusal import FileRefused, too_large, unreadable

_SAMPLE = 1 << 18
_BLOCK = 1 << 16
_FILE_DEPTH = 256
_to_json = msgspec.json.Encoder().encode
_Cells = dict[str, Any]


def xml_parts(stream: ByteStream, options: XmlOptions, limits: Limits, after_row: int) -> Iterator[Part]:
    """The elements as rows, in their order; all cells are text.

    An attribute is a column `@name`, a child a column `name`, what is in the child `name.@attribute` and `name.child`,
    a child that is there several times JSON text, the row's own text `#text`. Tags are without namespaces, texts
    without blanks around them, and without text is null. A row inside of a row is a child.

    Raises:
        FileRefused: not well-formed, with a document type, entities or references to other files, nested too deeply,
            over a limit, or without one tag that repeats under the root where none is given.
    """
    tag = options.row or _repeated(stream.peek(_SAMPLE))
    if tag is None:
        return
    rows = (_row(element) for element in _elements(_Source(stream, limits.max_row_bytes), tag))
    for chunk in chunks(rows, limits):
        if chunk.end <= after_row:
            yield Part(numbered({}, []), chunk.end)
            continue
        names = names_of(chunk.rows)
        check_names(names, limits.max_columns)
        yield Part(numbered(columns_of(chunk.rows, names), chunk.numbers), chunk.end, chunk.bad)


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _Source:
    """The stream, as far as rows, and what is between them, end within the limit.

    The parser goes over a tag or text that does not end again and again, and keeps it.
    """

    def __init__(self, stream: ByteStream, max_row_bytes: int) -> None:
        self._stream = stream
        self._limit = max_row_bytes
        self._since = 0

    def read(self, size: int = _BLOCK, /) -> bytes:
        data = self._stream.read(size)
        self._since += len(data)
        # What is given to the parser may begin before the row, so this is no exact measure.
        if self._since > 2 * self._limit + size:
            raise too_large(f"a row, or what is before it, has no end within limits.max_row_bytes, {self._limit}")
        return data

    def went_on(self) -> None:
        self._since = 0


class _Sample:
    """The beginning of a file; not even its end is an end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = _BLOCK, /) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


def _repeated(sample: bytes) -> str | None:
    """The tag of the root's children, if one is there more than once; None where the root has no children."""
    counts: Counter[str] = Counter()
    depth = 0
    damage: FileRefused | None = None
    try:
        for event, element in _events(_Sample(sample)):
            depth += 1 if event == "start" else -1
            if event == "start" and depth == 2:
                counts[_local(element.tag)] += 1
    except FileRefused as error:
        damage = error
    repeated = [tag for tag, count in counts.items() if count > 1]
    if len(repeated) == 1:
        return repeated[0]
    if damage is not None and (len(sample) < _SAMPLE or not counts):
        raise damage
    if not counts:
        return None
    raise unreadable(
        f"which elements are rows can't be told: set read.xml.row (under the root are: {', '.join(list(counts)[:5])})"
    )


def _events(source: _Readable) -> Iterator[tuple[str, Element]]:
    try:
        yield from iterparse(
            source, events=("start", "end"), forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
    except DefusedXmlException as error:
        raise unreadable(f"it has a document type, entities or outside references, never read: {error}") from error
    except (ParseError, LookupError) as error:
        raise unreadable(f"it is no well-formed XML: {error}") from error


def _elements(source: _Source, tag: str) -> Iterator[Element]:
    """The rows; when the next is asked for, the one before is forgotten, as is all that is outside of rows."""
    open_elements: list[Element] = []
    row: Element | None = None
    for event, element in _events(source):
        if event == "start":
            open_elements.append(element)
            if len(open_elements) > _FILE_DEPTH:
                raise FileRefused(Reason.TOO_DEEP, f"elements nest deeper than {_FILE_DEPTH} levels")
            if row is None and _local(element.tag) == tag:
                row = element
            if row is None:
                source.went_on()
            continue
        open_elements.pop()
        if element is row:
            yield element
            row = None
        if row is None:
            source.went_on()
            if open_elements:
                del open_elements[-1][:]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _row(element: Element) -> Row:
    try:
        cells: _Cells = {}
        _flatten(element, "", 1, cells)
        return sized(cells)
    except TerminalError as error:
        original = tostring(element)
        return Row(Wrong(error.reason, error.detail, original[:KEPT_BYTES]), len(original))


def _flatten(element: Element, prefix: str, depth: int, cells: _Cells) -> None:
    if depth > MAX_DEPTH:
        raise TerminalError(Reason.TOO_DEEP, f"elements nest deeper than {MAX_DEPTH} levels")
    for name, value in element.attrib.items():
        _add(cells, f"{prefix}@{_local(name)}", value)
    _add_text(element, prefix, cells)
    for name, children in _by_name(element).items():
        if len(children) > 1:
            _add(cells, prefix + name, _to_json([_value(child, depth + 1) for child in children]).decode())
        else:
            _flatten(children[0], f"{prefix}{name}.", depth + 1, cells)


def _add_text(element: Element, prefix: str, cells: _Cells) -> None:
    text = _text(element)
    is_leaf = not len(element) and (bool(prefix) or not element.attrib)
    if text is not None or is_leaf:
        _add(cells, prefix[:-1] if prefix else "#text", text)


def _add(cells: _Cells, name: str, value: str | None) -> None:
    if name in cells:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, f"two values would have the column {name!r}")
    cells[name] = value


def _text(element: Element) -> str | None:
    """The element's own text, also between and after its children."""
    if not len(element):
        return (element.text or "").strip() or None
    pieces = [element.text, *(child.tail for child in element)]
    return " ".join(piece.strip() for piece in pieces if piece and piece.strip()) or None


def _by_name(element: Element) -> dict[str, list[Element]]:
    names: dict[str, list[Element]] = {}
    for child in element:
        names.setdefault(_local(child.tag), []).append(child)
    return names


def _value(element: Element, depth: int) -> Any:
    """For JSON: the text of an element that has nothing else, otherwise an object."""
    if not len(element) and not element.attrib:
        return _text(element)
    if depth > MAX_DEPTH:
        raise TerminalError(Reason.TOO_DEEP, f"elements nest deeper than {MAX_DEPTH} levels")
    value: _Cells = {f"@{_local(name)}": text for name, text in element.attrib.items()}
    if (text := _text(element)) is not None:
        value["#text"] = text
    for name, children in _by_name(element).items():
        values = [_value(child, depth + 1) for child in children]
        value[name] = values if len(values) > 1 else values[0]
    return value
