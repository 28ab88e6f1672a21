"""The whole pipeline, one for all end-to-end tests, apart from the session's stack: a test may kill parts of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.paths import PROJECT
from deploy.local.stack import SERVICES, Stack
from deploy.local.temporary import temporary_stack


@pytest.fixture(scope="session")
def pipeline() -> Iterator[Stack]:
    """Broker, Kafka, Cassandra and all services, ready."""
    with temporary_stack(PROJECT / ".headrace" / "temporary" / "e2e") as stack:
        stack.up("kafka", "cassandra", "mosquitto", *SERVICES)
        yield stack
