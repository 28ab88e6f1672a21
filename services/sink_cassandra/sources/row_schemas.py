"""The schemas of the sources' own topics, as `sources.schemas` has them."""

import time
from contextlib import closing

from confluent_kafka import Message

from headrace.errors import TerminalError, TransientError
from headrace.kafka import headers_of_message
from headrace.range_reader import RangeReader, log_end
from headrace.records import ROW_SCHEMAS, RowSchema, decode

LONGEST_READ_S = 5.0
AGAIN_S = 2.0
"""So often the schemas are read again for rows of a topic that don't fit, which may be many and just wrong."""


class RowSchemas:
    """Knows the newest schema of each topic, and reads the topic again when a row has a later one.

    The newest is enough: columns come, none goes and none gets another type, unless somebody deletes topic and schema
    and makes them anew, with versions from 1 on.

    Args:
        longest_read: seconds to wait for a transaction that somebody has open.
        again: seconds between two looks for a schema that was made anew.
    """

    def __init__(self, brokers: str, longest_read: float = LONGEST_READ_S, again: float = AGAIN_S) -> None:
        self._brokers = brokers
        self._longest_read = longest_read
        self._again = again
        self._next_look: dict[str, float] = {}
        self._newest: dict[str, RowSchema] = {}
        self._is_whole = False

    def begin(self) -> None:
        """To be called when records were read: what they need may have been written since the last time."""
        self._is_whole = False

    def of(self, topic: str, version: int) -> RowSchema | None:
        """The newest schema of a topic, or None where it never had this version.

        A schema is written before the rows that have it, in their transaction: one that is not in the topic when such a
        row was read will never be.

        Raises:
            TransientError: the brokers don't answer, or a transaction is open that may hold it.
        """
        if not self._has(topic, version) and not self._is_whole:
            self._read(topic, version)
            if not self._has(topic, version) and not self._is_whole:
                raise TransientError(
                    f"a transaction in {ROW_SCHEMAS} is open, and may hold version {version} of {topic}"
                )
        return self._newest[topic] if self._has(topic, version) else None

    def made_anew(self, schema: RowSchema) -> RowSchema | None:
        """The schema in place of one that a row does not fit; None where it is the same still, or was looked at lately.

        Raises:
            TransientError: as `of`.
        """
        if not self._is_whole and time.monotonic() >= self._next_look.get(schema.topic, 0.0):
            if not self._read(schema.topic, None):
                raise TransientError(f"a transaction in {ROW_SCHEMAS} is open, and may hold a schema of {schema.topic}")
            self._next_look[schema.topic] = time.monotonic() + self._again
        newest = self._newest[schema.topic]
        return None if newest.columns == schema.columns else newest

    def _has(self, topic: str, version: int) -> bool:
        known = self._newest.get(topic)
        return known is not None and known.version >= version

    def _read(self, topic: str, version: int | None) -> bool:
        """Reads until a version is there, or to the end; returns whether it came to that."""
        # It is compacted, so it is little; who deletes and makes it anew needs no restart of the sinks.
        end = log_end(self._brokers, ROW_SCHEMAS, 0)
        deadline = time.monotonic() + self._longest_read
        with closing(RangeReader(self._brokers, ROW_SCHEMAS, 0)) as reader:
            reader.start(reader.bounds()[0], end)
            while not (reader.is_done or self._is_enough(topic, version)) and time.monotonic() < deadline:
                for message in reader.read():
                    self._take(message)
            self._is_whole = reader.is_done
        return self._is_whole

    def _is_enough(self, topic: str, version: int | None) -> bool:
        return version is not None and self._has(topic, version)

    def _take(self, message: Message) -> None:
        try:
            record = decode(message.value(), headers_of_message(message))
        except TerminalError:
            # A later Headrace's. Rows that need it say so as dead letters.
            return
        if isinstance(record, RowSchema):
            self._newest[record.topic] = record
