"""A Kafka of these tests' own: they leave hundreds of topics, which a killed Kafka must recover before it answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Kafka with the topics of schemas/topics.yaml."""
    with temporary_stack() as stack:
        stack.up("kafka")
        stack.create_topics()
        yield stack
