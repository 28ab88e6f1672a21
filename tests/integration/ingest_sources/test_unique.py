"""unique across parts on real Kafka: what was seen is committed with the rows, so a kill neither loses nor forgets."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from headrace.kafka import Producer
from headrace.topics import Topic, create_topics
from ingest_sources.ledger import read_ledger, read_seen
from tests.integration.ingest_sources.command import Command
from tests.integration.ingest_sources.feed_bench import FeedBench

pytestmark = pytest.mark.integration
IDS = 1_000


def orders_twice(brokers: str) -> str:
    """A topic that has each order twice, the second time when all have been there."""
    topic = f"shop.twice-{uuid4().hex[:8]}"
    create_topics(brokers, {topic: Topic(name=topic, about="", key="", record="raw", partitions=2, writers=())})
    producer = Producer(brokers, "shop")
    for number in [*range(IDS), *range(IDS)]:
        producer.produce(topic, json.dumps({"id": number}).encode(), str(number).encode())
    producer.flush(30)
    return topic


def test_each_row_once_though_killed_and_again_when_read_again(
    kafka: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = FeedBench(kafka.brokers, tmp_path)
    options = {"brokers": kafka.brokers, "topics": [orders_twice(kafka.brokers)], "batch_records": 150}
    rules = [{"unique": {"columns": "id", "within": IDS}}]
    bench.configure({"kind": "kafka", "kafka": options, "rules": rules})
    bench.kill_at("committing", 3)
    assert 0 < len(bench.keys()) < IDS
    command = Command(bench.environment(), monkeypatch)
    command("run", bench.name)
    once = {str(number): 1 for number in range(IDS)}
    assert bench.keys() == once
    assert len(bench.letters()) == IDS
    # Slots of 512 keys and one more than they fill: the window takes no more room, however much is read.
    assert 2 <= len(read_seen(kafka.brokers, bench.name)) <= 3
    assert [entry.source for entry in read_ledger(kafka.brokers)].count(bench.name) == 1
    assert f"{IDS:,} delivered, {IDS:,} rejected" in command("backfill", bench.name)
    assert bench.keys() == dict.fromkeys(once, 2)
