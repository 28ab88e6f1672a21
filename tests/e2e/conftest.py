"""The whole pipeline, one for all end-to-end tests, apart from the session's stack: a test may kill parts of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.paths import DEPLOY, PROJECT
from deploy.local.stack import SERVICES, Stack
from deploy.local.temporary import temporary_stack

PUSHED = """
kind: push
rules: [{time: {from: [time], formats: [epoch], into: time}}]
into: {topic: readings.raw, device: "{device}"}
"""
ORDERS = """
kind: files
folder: orders
stable_seconds: 1
rules: [{cast: {columns: {id: text}, others: number}}]
into: {topic: sources.orders, key: "{id}"}
"""


@pytest.fixture(scope="session")
def push_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the keys with which may be pushed to the pipeline, to its source `pushed`."""
    return tmp_path_factory.mktemp("push_keys")


@pytest.fixture(scope="session")
def pipeline(push_keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Broker, Kafka, Cassandra and all services, ready."""
    sources = tmp_path_factory.mktemp("pipeline") / "sources"
    shutil.copytree(DEPLOY / "sources", sources)
    (sources / "pushed.yaml").write_text(PUSHED)
    (sources / "orders.yaml").write_text(ORDERS)
    environment = {
        "ingest_sources": {"INGEST_SOURCES_SOURCES": str(sources)},
        "serve_api": {"SERVE_API_PUSH_KEYS": str(push_keys)},
    }
    with temporary_stack(PROJECT / ".headrace" / "temporary" / "e2e", environment=environment) as stack:
        stack.up("kafka", "cassandra", "mosquitto", *SERVICES)
        yield stack
