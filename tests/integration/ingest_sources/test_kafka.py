"""Records of another topic on real Kafka: each once, whatever is killed; one that is odd costs itself alone."""

import json
import threading
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError
from headrace.kafka import Producer
from headrace.streams.batch import OutRecord
from headrace.streams.transaction import KafkaTransactions
from headrace.testing import wait_until
from headrace.topics import Topic, create_topics
from ingest_sources.app import FeedParts
from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.kafka_topics.kafka_feed import KafkaFeed
from ingest_sources.kafka_topics.kafka_source import KafkaOptions
from ingest_sources.kafka_topics.topic_reader import TopicReader
from ingest_sources.settings import Settings
from ingest_sources.source import load_source
from tests.integration.ingest_sources.command import Command
from tests.integration.ingest_sources.feed_bench import FeedBench

pytestmark = pytest.mark.integration


class Orders:
    """A topic with two partitions of somebody else's."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.topic = f"shop.orders-{uuid4().hex[:8]}"
        topic = Topic(name=self.topic, about="", key="", record="raw", partitions=2, writers=())
        create_topics(brokers, {self.topic: topic})
        self._producer = Producer(brokers, "shop")

    def send(self, *bodies: bytes | None) -> None:
        for number, body in enumerate(bodies):
            self._producer.produce(self.topic, body, str(number).encode())
        self._producer.flush(30)

    def send_rows(self, first: int, count: int) -> None:
        self.send(
            *(json.dumps({"id": number, "amount": number / 4}).encode() for number in range(first, first + count))
        )


@pytest.fixture
def orders(kafka: Stack) -> Orders:
    return Orders(kafka.brokers)


@pytest.fixture
def bench(kafka: Stack, tmp_path: Path, orders: Orders) -> FeedBench:
    bench = FeedBench(kafka.brokers, tmp_path)
    options = {"brokers": kafka.brokers, "topics": [orders.topic], "batch_records": 500}
    rules = [{"range": {"column": "amount", "min": 0}}]
    bench.configure({"kind": "kafka", "kafka": options, "rules": rules})
    return bench


def each_once(count: int) -> dict[str, int]:
    return {str(number): 1 for number in range(count)}


@pytest.mark.parametrize(("step", "count"), [("produced", 2), ("committing", 2), ("committed", 2), ("told", 1)])
def test_kill_loses_and_doubles_nothing(bench: FeedBench, orders: Orders, step: str, count: int) -> None:
    orders.send_rows(0, 3_000)
    bench.kill_at(step, count)
    orders.send_rows(3_000, 10)
    bench.run()
    assert bench.keys() == each_once(3_010)
    entry = bench.entry()
    assert entry is not None
    assert (entry.delivered, sum((entry.cursor or {}).values())) == (3_010, 3_010)


def test_odd_records_cost_themselves_alone(bench: FeedBench, orders: Orders) -> None:
    """A text where numbers are, one without the key, one that is no JSON, one without a value: the rest goes on."""
    orders.send_rows(0, 100)
    orders.send(b'{"id": 1000, "amount": "much"}', b'{"amount": 1}', b"<order/>", b'{"id": 1e400}')
    orders.send(None, b'{"id": 1001}')
    orders.send_rows(100, 100)
    bench.run()
    assert bench.keys() == {**each_once(200), "1001": 1}
    letters = {letter.value: letter for letter in bench.letters()}
    text, keyless = b'{"id":1000,"amount":"much"}', b'{"amount":1.0}'
    assert letters.keys() == {text, keyless, b"<order/>", b'{"id": 1e400}'}
    odd = letters[text]
    assert "amount is String, not a number" in odd.detail
    assert odd.source.topic.startswith(f"sources/{bench.name}/{orders.topic}/")


def test_topic_that_was_made_anew_is_told_and_not_read_from_somewhere(bench: FeedBench, orders: Orders) -> None:
    options = KafkaOptions(brokers=orders.brokers, topics=(orders.topic,))
    with closing(KafkaFeed(options, "g", {})) as feed, pytest.raises(ConfigurationError, match="next was 7"):
        next(feed.parts({f"{orders.topic}/0": 7}))


def test_settings_that_librdkafka_refuses_are_a_mistake_of_the_source(orders: Orders) -> None:
    options = KafkaOptions(brokers=orders.brokers, topics=(orders.topic,), settings={"security.protocol": "TLS"})
    with pytest.raises(ConfigurationError, match=r"security\.protocol"):
        KafkaFeed(options, "g", options.settings)


def test_source_that_changed_its_kind_does_not_take_the_place_of_the_other(bench: FeedBench, orders: Orders) -> None:
    orders.send_rows(0, 5)
    bench.run()
    bench.configure({"kind": "push"})
    source = load_source(bench.sources / f"{bench.name}.yaml")
    assert isinstance(source, FeedSource)
    settings = Settings(brokers=bench.brokers, sources=bench.sources, data=bench.data)
    with pytest.raises(ConfigurationError, match="was of kind kafka"):
        FeedParts(settings, source, threading.Event()).start()


def test_ends_of_transactions_count_as_read(kafka: Stack, orders: Orders) -> None:
    """All records before them may be deleted one day; the log then begins after them."""
    transactions = KafkaTransactions(kafka.brokers, f"shop-{uuid4().hex}")
    transactions.start()
    transactions.produce([OutRecord(orders.topic, b"1", b'{"id": 1}')])
    transactions.commit()
    reader = TopicReader(kafka.brokers, [orders.topic], "g", "earliest", {})
    with closing(reader):
        offsets = reader.begin({})
        messages = reader.messages(10)
        wait_until(lambda: [next(messages), sorted(reader.passed(offsets).values())][1] == [0, 2], "the end of the log")


def test_lag_at_the_other_cluster_is_that_of_what_is_delivered(bench: FeedBench, orders: Orders) -> None:
    orders.send_rows(0, 600)
    bench.run()
    consumer = Consumer({"bootstrap.servers": orders.brokers, "group.id": f"headrace.{bench.name}"})

    def committed() -> int:
        partitions = [TopicPartition(orders.topic, number) for number in (0, 1)]
        return sum(place.offset for place in consumer.committed(partitions, timeout=20))

    with closing(consumer):
        wait_until(lambda: committed() == 600, "the offsets of the last part")


def test_command_shows_runs_repeats_and_tells_where_it_is(
    bench: FeedBench, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(bench.environment(), monkeypatch)
    orders.send_rows(0, 20)
    orders.send(b'{"id": 20, "amount": -1}')
    shown = command("check", bench.name)
    assert f"{bench.name} is right" in shown
    assert '{"id":0,"amount":0.0}' in shown
    assert bench.entry() is None
    assert "20 delivered, 1 rejected, 0 dropped" in command("run", bench.name)
    assert f"{orders.topic}/0" in command("status", bench.name)
    assert bench.name in command("status")
    assert "20 delivered" in command("backfill", bench.name)
    assert bench.keys() == dict.fromkeys(map(str, range(20)), 2)
    assert "a pattern is for sources of files" in command.refused("backfill", bench.name, "*.csv")


def test_check_says_what_no_row_of_the_sample_has(
    bench: FeedBench, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(bench.environment(), monkeypatch)
    orders.send(b'{"id": 1, "price": 2}')
    assert "no column 'amount'" in command("check", bench.name)
