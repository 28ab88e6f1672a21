"""A packed batch is, byte for byte, the message that the driver makes of the same rows."""

from io import BytesIO
from types import SimpleNamespace

import pytest
from cassandra import ConsistencyLevel
from cassandra.protocol import BatchMessage
from cassandra.query import BatchType

from sink_cassandra.packed_batch import PackedBatch
from sink_cassandra.packing import sized


@pytest.mark.parametrize("version", [4, 5])
def test_it_equals_the_drivers_message(version: int) -> None:
    values = [[b"one", b"two"], [b"", b"three"]]
    statement = SimpleNamespace(query_id=b"0123456789abcdef", column_metadata=("a", "b"))
    theirs, ours = BytesIO(), BytesIO()
    queries = [(True, statement.query_id, row) for row in values]
    BatchMessage(BatchType.UNLOGGED, queries, ConsistencyLevel.LOCAL_QUORUM).send_body(theirs, version)
    rows = [b"".join(map(sized, row)) for row in values]
    PackedBatch(ConsistencyLevel.LOCAL_QUORUM, statement, rows).send_body(ours, version)
    assert ours.getvalue() == theirs.getvalue()
