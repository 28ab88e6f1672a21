"""A sink per test, on tables that the tests of this folder share: each has a site and a consumer group of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.cluster import Session

from deploy.local.stack import Stack
from sink_cassandra.migrate import migrate
from sink_cassandra.settings import Settings
from tests.integration.sink_cassandra.sink_process import SinkProcess, session_of

KEYSPACE = "sink_tests"


@pytest.fixture
def session(stack: Stack) -> Iterator[Session]:
    with session_of(stack) as session:
        yield session


@pytest.fixture(scope="package")
def keyspace(stack: Stack) -> str:
    migrate(Settings(cassandra_port=stack.ports.cassandra, keyspace=KEYSPACE))
    return KEYSPACE


@pytest.fixture
def sink(stack: Stack, keyspace: str, tmp_path: Path) -> Iterator[SinkProcess]:
    """Not started."""
    sink = SinkProcess(stack, tmp_path, keyspace)
    sink.rewind()
    yield sink
    if sink.process is not None and sink.process.poll() is None:
        sink.kill()
