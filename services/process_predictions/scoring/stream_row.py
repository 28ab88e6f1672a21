"""One row of a scored topic: what it holds, and the id, subject and time of its prediction."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from headrace.errors import Reason, TerminalError
from headrace.instants import parse_instant
from headrace.models.row_model import Row, RowModel, RowRefused
from headrace.models.stream import Stream
from process_predictions.ids import id_of

MAX_ID = 200
"""Characters of an id that a column gives; it is the key of records."""
_decode = msgspec.json.Decoder(dict[str, object]).decode


class StreamRow(NamedTuple):
    """A row as it came.

    Attributes:
        place: in its batch.
        event_time: microseconds, where the stream names a column.
    """

    place: int
    content: Mapping[str, object]
    id: str
    subject: str | None
    event_time: int | None


def read_row(model: str, stream: Stream, place: int, position: tuple[str, int, int], value: bytes) -> StreamRow:
    """Reads a record at (topic, partition, offset).

    Raises:
        TerminalError: it is no JSON object, or a column that the stream names doesn't fit.
    """
    try:
        content = _decode(value)
    except msgspec.MsgspecError as error:
        raise TerminalError(Reason.MALFORMED_JSON, f"a row is a JSON object: {error}") from error
    one = id_of(model, *position) if stream.id is None else _name(content, stream.id)
    subject = None if stream.subject is None else _name(content, stream.subject)
    return StreamRow(place, content, one, subject, _time(content, stream.time))


def read_values(rows: RowModel, row: StreamRow) -> Row:
    """The inputs of a version of a model.

    Raises:
        TerminalError: a value doesn't fit; names the column.
    """
    try:
        return rows.pick(row.content)
    except RowRefused as refusal:
        detail = "; ".join(f"column {fault.name}: {fault.problem}; {fault.mend}" for fault in refusal.faults)
        raise TerminalError(Reason.MALFORMED_ROW, detail) from None


def _name(content: Mapping[str, object], column: str) -> str:
    value = content.get(column)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= MAX_ID:
        raise TerminalError(
            Reason.MALFORMED_ROW, f"column {column} is no text of 1 to {MAX_ID} characters and no whole number"
        )
    return text


def _time(content: Mapping[str, object], column: str | None) -> int | None:
    if column is None or content.get(column) is None:
        return None
    try:
        return parse_instant(content[column])
    except ValueError as error:
        raise TerminalError(Reason.MALFORMED_ROW, f"column {column}: {error}") from None
