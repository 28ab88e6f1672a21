"""Looks for what should be gone: in all files of a folder, in all records of Kafka and in all rows of Cassandra."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

from cassandra.cluster import Session
from confluent_kafka import Consumer, TopicPartition

from headrace.kafka import headers_of_message

_CHUNK = 1 << 20


def forms(text: str) -> set[bytes]:
    """A text as it could lie there: plain, UTF-16, hex and base64 at any alignment."""
    plain = text.encode()
    wide = {text.encode(coding).strip(b"\0") for coding in ("utf-16-le", "utf-16-be")}
    return {plain, plain.hex().encode(), plain.hex().upper().encode()} | wide | forms_in_base64(plain)


def forms_in_base64(content: bytes) -> set[bytes]:
    """What of base64 and base64url of anything that holds the content depends on the content alone."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content + b"\0" * 3)
        first, last = -(-before * 4 // 3), (before + len(content)) * 4 // 3
        inner = encoded[first:last]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def files_with(folder: Path, wanted: Iterable[bytes]) -> list[str]:
    """The files that hold any of it; one that is deleted meanwhile holds nothing."""
    needles = list(wanted)
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and _holds(path, needles)
    )


def records_with(brokers: str, wanted: Iterable[bytes]) -> list[str]:
    """The records with it in key, value or headers, as `topic/partition/offset`: on disk they may be compressed."""
    needles = list(wanted)
    return [where for where, content in _records(brokers) if any(needle in content for needle in needles)]


def rows_with(session: Session, keyspace: str, wanted: Iterable[bytes]) -> list[str]:
    """The tables of a keyspace with it in any row."""
    needles = [needle.decode("latin-1") for needle in wanted]
    named = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
    rows = {row.table_name: _rows(session, keyspace, row.table_name) for row in session.execute(named, (keyspace,))}
    return [table for table, found in rows.items() if any(needle in row for row in found for needle in needles)]


def _rows(session: Session, keyspace: str, table: str) -> list[str]:
    return [repr(row) for row in session.execute(f"SELECT * FROM {keyspace}.{table}")]  # noqa: S608 - names of tables


def _holds(path: Path, needles: list[bytes]) -> bool:
    overlap = max(map(len, needles))
    try:
        with path.open("rb") as file:
            before = b""
            while chunk := file.read(_CHUNK):
                # Kafka and Cassandra make their files large at once, and most of each is empty.
                content = before + chunk.rstrip(b"\0")
                if any(needle in content for needle in needles):
                    return True
                before = chunk[-overlap:].lstrip(b"\0")
    except FileNotFoundError:
        return False
    return False


def _records(brokers: str) -> Iterator[tuple[str, bytes]]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "traces", "enable.partition.eof": True})
    try:
        found = consumer.list_topics(timeout=10).topics
        parts = [TopicPartition(name, number, 0) for name, topic in found.items() for number in topic.partitions]
        ends = {(p.topic, p.partition): consumer.get_watermark_offsets(p, timeout=10) for p in parts}
        left = {key for key, (low, high) in ends.items() if high > low}
        consumer.assign([TopicPartition(topic, number, ends[topic, number][0]) for topic, number in left])
        while left:
            for message in consumer.consume(1_000, 1.0):
                where = (str(message.topic()), int(message.partition() or 0))
                if message.error() is not None:
                    left.discard(where)
                    continue
                headers = [value for _, value in headers_of_message(message)]
                content = b"".join([message.key() or b"", message.value() or b"", *headers])
                yield f"{where[0]}/{where[1]}/{message.offset()}", content
    finally:
        consumer.close()
