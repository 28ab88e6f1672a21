"""Messages to sections of a part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from headrace.errors import Reason, TerminalError
from ingest_sources.feeds.feed import Section
from ingest_sources.feeds.message_rows import object_rows
from ingest_sources.rabbitmq.message import Message
from ingest_sources.rabbitmq.message_columns import columns_of
from ingest_sources.rabbitmq.message_objects import objects_of
from ingest_sources.rows import ROW, BadRow, Rows


@dataclass(frozen=True)
class QueueRows:
    """Attributes:
    end: number of the last row.
    unreadable: tags of the messages that are no JSON objects, also of those whose dead letters are in Kafka.
    """

    sections: tuple[Section, ...]
    end: int
    unreadable: frozenset[int]


def queue_rows(
    queue: str, messages: Iterable[Message], new: Sequence[Message], end: int, columns: Sequence[str], max_bytes: int
) -> QueueRows:
    """The rows of the new ones among messages.

    Args:
        end: number of the last row before.
    """
    is_new = {message.tag for message in new}
    objects: list[tuple[int, dict[str, Any]]] = []
    bad: list[BadRow] = []
    unreadable = []
    for message in messages:
        try:
            found = _objects(message, columns, max_bytes)
        except TerminalError as error:
            unreadable.append(message.tag)
            if message.tag in is_new:
                end += 1
                bad.append(BadRow(end, error.reason, error.detail, message.body))
            continue
        if message.tag in is_new:
            objects += enumerate(found, end + 1)
            end += len(found)
    sections = [Section(queue, rows) for rows in object_rows(objects)]
    if bad:
        sections.append(Section(queue, Rows(pl.DataFrame(schema={ROW: pl.Int64}), tuple(bad), end)))
    return QueueRows(tuple(sections), end, frozenset(unreadable))


def _objects(message: Message, columns: Sequence[str], max_bytes: int) -> list[dict[str, Any]]:
    try:
        return objects_of(message, columns_of(message, columns), max_bytes)
    except TerminalError:
        raise
    except Exception as error:
        # It would come again after the process ended, and end the next one.
        raise TerminalError(Reason.MALFORMED_ROW, f"it can't be read: {error!r}") from error
