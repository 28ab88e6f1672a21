"""A source with a folder and a topic of its own, on a Kafka that these tests may kill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from tests.integration.ingest_sources.bench import SourceBench
from tests.integration.ingest_sources.changed_table import ChangedTable


@pytest.fixture(scope="package")
def kafka() -> Iterator[Stack]:
    """Kafka with the topics of schemas/topics.yaml."""
    with temporary_stack() as stack:
        stack.up("kafka")
        stack.create_topics()
        yield stack


@pytest.fixture
def bench(kafka: Stack, tmp_path: Path) -> SourceBench:
    return SourceBench(kafka.brokers, tmp_path)


@pytest.fixture
def postgres(kafka: Stack) -> Stack:
    """The same, with PostgreSQL."""
    kafka.up("postgres")
    return kafka


@pytest.fixture
def table(postgres: Stack) -> Iterator[ChangedTable]:
    """A table of PostgreSQL that notes what is done to it."""
    with closing(ChangedTable(postgres.postgres_url)) as table:
        yield table
