"""Reference data in a compacted topic: the newest value of each key, read on to the end whenever they are asked for."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import polars as pl
from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import AdminClient

from headrace.errors import ConfigurationError, TerminalError, TransientError
from headrace.kafka import client_config, offset_of
from headrace.range_reader import RangeReader
from ingest_sources.readers.json_columns import columns_of, flatten
from ingest_sources.readers.json_strict import parse_object
from ingest_sources.references.size import check_size, wrong
from ingest_sources.rules.lookup_model import TopicReference
from ingest_sources.rules.steps import ReferenceWrong
from ingest_sources.text_template import columns_of as names_in

_ANSWER_S = 20.0


class ReferenceTopic:
    """Some columns of a topic's values and keys."""

    def __init__(self, reference: TopicReference, brokers: str, columns: tuple[str, ...]) -> None:
        self._reference = reference
        self._brokers = brokers
        self._rows = KeyedRows(reference, columns)
        self._readers: list[RangeReader] = []

    def table(self) -> pl.DataFrame:
        """With all that readers of committed records see now; a transaction that is open is not waited for.

        Raises:
            ReferenceWrong: there is no such topic, or the newest value of a key is no JSON object.
            TransientError: the brokers are away.
        """
        try:
            if self._readers:
                self._read_on()
            else:
                self._begin()
        except BaseException:
            # What was not taken is unknown, a key's deletion too: only the beginning is certain.
            self.close()
            raise
        return self._rows.table()

    def close(self) -> None:
        """Ends the connections."""
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.close()

    def _begin(self) -> None:
        self._rows.clear()
        topic = self._reference.topic
        self._readers = [RangeReader(self._brokers, topic, number) for number in _partitions(self._brokers, topic)]
        for reader in self._readers:
            self._read(reader, *reader.bounds())

    def _read_on(self) -> None:
        for reader in self._readers:
            low, high = reader.bounds()
            if not low <= reader.next_offset <= high:
                raise TransientError(f"{self._reference.title} was made anew, or cut: it is read from its beginning")
            if high > reader.next_offset:
                self._read(reader, reader.next_offset, high)

    def _read(self, reader: RangeReader, start: int, end: int) -> None:
        try:
            reader.start(start, end)
            while not reader.is_done:
                self._rows.take(reader.read())
        except ReferenceWrong:
            raise
        except ConfigurationError as error:
            raise wrong(str(error)) from error


class KeyedRows:
    """The newest row of each key, with the columns that are wanted."""

    def __init__(self, reference: TopicReference, columns: tuple[str, ...]) -> None:
        self._reference = reference
        self._columns = columns
        self._key = _KeyColumns(reference.key)
        self.clear()

    def clear(self) -> None:
        """Forgets all rows."""
        self._found: dict[bytes, _Row] = {}
        self._size = 0
        self._table: pl.DataFrame | None = None

    def take(self, messages: Iterable[Message]) -> None:
        """Takes what follows.

        Raises:
            ReferenceWrong: there are too many keys, or a record has none.
        """
        for message in messages:
            key, value = _bytes(message.key()), _bytes(message.value())
            place = f"offset {offset_of(message)} of {message.topic()}-{message.partition()}"
            if key is None:
                raise wrong(f"{place} has no key: a topic for look-ups is compacted, so that each of its rows has one")
            self._put(key, value, place)
            self._table = None
        check_size(self._reference.title, len(self._found), self._reference.max_rows, self._size)

    def table(self) -> pl.DataFrame:
        """The rows, in the order in which their keys came first; the same object until there is another record.

        Raises:
            ReferenceWrong: the newest value of a key is no JSON object, or the key is none as it is said.
        """
        if self._table is None:
            if odd := next((row.problem for row in self._found.values() if row.problem), None):
                raise wrong(f"{odd}; write that key anew, or delete it with a record without a value")
            arrays = columns_of([row.cells for row in self._found.values()], list(self._columns))
            self._table = pl.DataFrame({name: pl.from_arrow(array) for name, array in arrays.items()})
        return self._table

    def _put(self, key: bytes, value: bytes | None, place: str) -> None:
        before = self._found.get(key)
        self._size -= before.size if before else 0
        if value is None:
            self._found.pop(key, None)
            return
        row = self._found[key] = self._row(key, value, place)
        self._size += row.size

    def _row(self, key: bytes, value: bytes, place: str) -> "_Row":
        size = len(key) + len(value)
        try:
            cells = {**flatten(parse_object(value)), **self._key.of(key)}
        except TerminalError as error:
            return _Row({}, size, f"{place}: {error.detail}")
        except ValueError as error:
            return _Row({}, size, f"{place}: {error}")
        return _Row({name: cells.get(name) for name in self._columns}, size)


class _Row(NamedTuple):
    cells: dict[str, Any]
    size: int
    problem: str = ""


class _KeyColumns:
    """A record's key as columns."""

    def __init__(self, template: str | None) -> None:
        self._template = template
        self._names = names_in(template) if template is not None else []
        parts = re.split(r"\{[^{}]*\}", template or "")
        self._pattern = re.compile("(.+?)".join(map(re.escape, parts)), re.DOTALL)

    def of(self, key: bytes) -> dict[str, str]:
        """
        Raises:
            ValueError: it is no UTF-8, or not as the template has it.
        """
        if self._template is None:
            return {}
        text = key.decode()
        if not self._names:
            return {self._template: text}
        match = self._pattern.fullmatch(text)
        if match is None:
            raise ValueError(f"its key is not {self._template}")
        return dict(zip(self._names, match.groups(), strict=True))


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _partitions(brokers: str, topic: str) -> list[int]:
    try:
        found = AdminClient(client_config(brokers)).list_topics(timeout=_ANSWER_S).topics.get(topic)
    except KafkaException as error:
        raise TransientError(f"{brokers} does not answer: {error}") from error
    if found is None or not found.partitions:
        raise wrong(f"there is no topic {topic} for a lookup; make it, compacted, or mend its name")
    return sorted(found.partitions)
