"""A batch whose rows are packed already, sent by the driver as if it had bound them itself."""

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from cassandra.cluster import ResponseFuture, Session
from cassandra.protocol import BatchMessage, write_byte, write_consistency_level, write_int
from cassandra.query import BatchStatement, BatchType, PreparedStatement

MAX_ROWS = 65_535
"""The protocol counts a batch's statements with 16 bits."""
_PREPARED = b"\x01"
_short = struct.Struct(">H").pack


class PackedBatch(BatchMessage):  # type: ignore[misc]  # the driver has no types
    """The driver's batch message with a body made of rows of one prepared statement."""

    def __init__(self, consistency: int, statement: PreparedStatement, rows: Sequence[bytes]) -> None:
        super().__init__(BatchType.UNLOGGED, [], consistency)
        query = statement.query_id
        head = _PREPARED + _short(len(query)) + query + _short(len(statement.column_metadata))
        self._body = _short(len(rows)) + head + head.join(rows)

    def send_body(self, f: BytesIO, protocol_version: int) -> None:
        """Writes the body of a BATCH message, section 4.1.7 of the native protocol."""
        write_byte(f, self.batch_type.value)
        f.write(self._body)
        write_consistency_level(f, self.consistency_level)
        if protocol_version >= 5:
            write_int(f, 0)
        else:
            write_byte(f, 0)


def send(
    session: Session, statement: PreparedStatement, routing_key: bytes, rows: Sequence[bytes], timeout: float
) -> ResponseFuture:
    """Sends rows of one partition, each packed in the order of the statement's markers; at most `MAX_ROWS`."""
    batch: Any = BatchStatement(BatchType.UNLOGGED)
    batch.routing_key, batch.keyspace, batch.is_idempotent = routing_key, statement.keyspace, True
    # The driver's own way from a statement to a future; only the message is another one.
    future = session._create_response_future(batch, None, False, None, timeout)
    future.message = PackedBatch(future.message.consistency_level, statement, rows)
    future.send_request()
    return future
