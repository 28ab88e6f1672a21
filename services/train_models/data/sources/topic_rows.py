"""Rows of a range of a topic: its committed records, partition after partition, in the order of their offsets."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pyarrow as pa  # type: ignore[import-untyped]
from confluent_kafka import Message

from headrace import raw
from headrace.clock import MICROSECONDS
from headrace.errors import ConfigurationError
from headrace.kafka import headers_of_message
from headrace.range_reader import RangeReader
from headrace.records import SCHEMAS, schema_of
from headrace.replay.ranges import find_ranges
from headrace.subjects.erased import is_keyed_by_subject, read_erased
from train_models.data.data_spec import TopicRows
from train_models.data.freed_memory import give_back_freed
from train_models.data.snapshots import About
from train_models.data.sources.record_columns import RecordColumns
from train_models.data.sources.row_columns import RowColumns, newest_schema
from train_models.data.sources.undecodable import Counted

READ_RECORDS = 5_000
Columns = RecordColumns | RowColumns
Ranges = list[tuple[int, int]]


def topic_rows(spec: TopicRows, columns: tuple[str, ...], brokers: str, about: About) -> Iterator[pa.RecordBatch]:
    """The rows; what can't be decoded is counted in `about`, with the first of them named, and deletions too.

    Args:
        columns: those to make; all where none is named.

    Raises:
        ConfigurationError: there is no such topic or offset, more than one record in a hundred can't be decoded, or
            the records are of a schema that has no columns.
        TransientError: the brokers don't answer, or a record was deleted before it was read.
    """
    ranges = ranges_of(spec, brokers)
    about.ranges[spec.name] = {str(number): range_ for number, range_ in enumerate(ranges)}
    # After the ranges: a row's schema is in its topic before the row is.
    schema = newest_schema(brokers, spec.name)
    decoder: Columns | None = RowColumns(schema, columns) if schema else None
    counted = Counted(spec.name, about)
    asks = is_keyed_by_subject(spec.name)
    erased = {subject.encode() for subject in read_erased(brokers)} if asks else set[bytes]()
    for partition, (first, end) in enumerate(ranges):
        for messages in read_range(brokers, spec.name, partition, first, end):
            if erased:
                _leave_out(messages, erased, counted)
            decoder = decoder or _decoder_of(messages, columns)
            if not messages:
                continue
            if decoder is None:
                counted.broken(messages, range(len(messages)), ["its header names no known schema"] * len(messages))
                continue
            batch = _batch(decoder, messages, counted)
            # A record keeps all that Kafka's client fetched with it.
            messages.clear()
            if batch.num_rows:
                yield batch
    counted.check()


def ranges_of(spec: TopicRows, brokers: str) -> Ranges:
    """Of each partition the first offset and the one after the last; it ends at the committed end at latest.

    Raises:
        ConfigurationError: there is no such topic, or an offset is not in the log.
        TransientError: the brokers don't answer.
    """
    whole = find_ranges(brokers, [spec.name], 0, None)[spec.name]
    until = _us(spec.until)
    found = find_ranges(brokers, [spec.name], _us(spec.since) or 0, until)[spec.name] if spec.since or until else whole
    for partition in sorted({*spec.from_offsets, *spec.to_offsets}):
        if partition >= len(whole):
            raise ConfigurationError(f"topic {spec.name} has {len(whole)} partitions, and none is number {partition}")
        first = spec.from_offsets.get(partition, found[partition][0])
        end = spec.to_offsets.get(partition, found[partition][1])
        low, high = whole[partition]
        if not low <= first <= end <= high:
            raise ConfigurationError(
                f"topic {spec.name}-{partition} holds offsets {low} up to {high}; wanted are {first} up to {end}"
            )
        found[partition] = (first, end)
    return found


def read_range(brokers: str, topic: str, partition: int, first: int, end: int) -> Iterator[list[Message]]:
    """The records of a range in lists, none of them empty."""
    if first >= end:
        return
    yield from _records(brokers, topic, partition, first, end)
    # The next partition's client has threads of its own, which take none of what this one's threads freed.
    give_back_freed()


def _records(brokers: str, topic: str, partition: int, first: int, end: int) -> Iterator[list[Message]]:
    """Ends with its client, so that all that this held is free."""
    with closing(RangeReader(brokers, topic, partition)) as reader:
        reader.start(first, end)
        while not reader.is_done:
            if messages := reader.read(READ_RECORDS):
                yield messages


def _us(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp() * MICROSECONDS)


def _leave_out(messages: list[Message], erased: set[bytes], counted: Counted) -> None:
    """Removes the records of erased subjects from the list."""
    before = len(messages)
    messages[:] = [message for message in messages if message.key() not in erased]
    counted.erased(before - len(messages))


def _decoder_of(messages: list[Message], columns: tuple[str, ...]) -> Columns | None:
    for message in messages:
        name = schema_of(headers_of_message(message))
        if name in SCHEMAS:
            return RecordColumns(name, columns)
    return None


def _batch(decoder: Columns, messages: list[Message], counted: Counted) -> pa.RecordBatch:
    values = [message.value() for message in messages]
    # Mostly all have the same headers, and comparing costs a tenth of looking through them. None are kept: thousands of
    # small lists would keep the garbage collector busy for longer than all else takes.
    usual = messages[0].headers()
    is_usual = _is_row(decoder, messages[0]) and None not in values and all(m.headers() == usual for m in messages)
    if not is_usual:
        messages = _rows_among(decoder, messages, counted)
        values = [message.value() for message in messages]
    records, broken, reasons = decoder.decode(values)
    counted.broken(messages, broken, reasons)
    counted.good(len(records))
    return decoder.batch(records)


def _rows_among(decoder: Columns, messages: list[Message], counted: Counted) -> list[Message]:
    """Those that are to be decoded; the others are counted."""
    found, strange = [], []
    for message in messages:
        if message.value() is None or _is_deletion(message):
            counted.deleted()
        elif _is_row(decoder, message):
            found.append(message)
        else:
            strange.append(message)
    why = [f"its schema is {schema_of(headers_of_message(message))!r}, not {decoder.name}" for message in strange]
    counted.broken(strange, range(len(strange)), why)
    return found


def _is_row(decoder: Columns, message: Message) -> bool:
    return decoder.reads(schema_of(headers_of_message(message))) and not _is_deletion(message)


def _is_deletion(message: Message) -> bool:
    return raw.header(headers_of_message(message), raw.SOURCE_OP) == raw.DELETE
