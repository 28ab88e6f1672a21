"""Write times and schemas of sources' records."""

import pytest

from headrace.errors import Reason, TerminalError
from headrace.records import RowSchema
from headrace.streams.batch import Batch
from sink_cassandra.sources.source_write import version_of, write_of, write_time

MS = 1_790_000_000_000
SCHEMA = RowSchema("sources.orders", "orders", 1, "{id}", {"id": "text"}, 0)


def one(key: bytes | None = b"a", value: bytes | None = b"{}", **headers: bytes) -> Batch:
    named = [(name.replace("_", "."), content) for name, content in headers.items()]
    return Batch("sources.orders", 0, [7], [MS * 1_000], [key], [value], [named])


def test_the_order_is_that_of_the_log_within_a_millisecond_and_over_it() -> None:
    times = [write_time((MS + offset // 5) * 1_000, offset) for offset in range(100, 200)]
    assert times == sorted(set(times))
    assert write_time(8_796_093_022_207_000, 2**63 - 1) < 2**63


def test_a_deletion_needs_no_schema_of_its_own() -> None:
    batch = one(value=None, source_op=b"delete")
    assert version_of(batch, 0) == 0
    assert write_of(batch, 0, SCHEMA).values is None


@pytest.mark.parametrize(
    "name", [b"", b"sources.orders", b"sources.others.v1", b"sources.orders.v-1", b"sources.orders.v\xb2"]
)
def test_a_row_of_no_schema_of_its_topic_is_refused(name: bytes) -> None:
    with pytest.raises(TerminalError) as refused:
        version_of(one(schema=name), 0)
    assert refused.value.reason == Reason.UNKNOWN_SCHEMA


@pytest.mark.parametrize("key", [None, b"", b"x" * 65_536, b"\xff"])
def test_a_key_that_cassandra_takes_not_is_refused(key: bytes | None) -> None:
    with pytest.raises(TerminalError):
        write_of(one(key), 0, SCHEMA)
