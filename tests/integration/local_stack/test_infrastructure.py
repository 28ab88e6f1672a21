"""Kafka, Cassandra, mosquitto and Prometheus answer real clients, and what they accepted survives a kill."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Callable, Iterator

import pytest
from cassandra.cluster import Cluster, Session
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.local_stack.mqtt_client import bodies, connected, persistent, subscribe

pytestmark = pytest.mark.integration


@pytest.fixture
def topic(stack: Stack) -> str:
    """A topic of one partition that nothing else uses."""
    name = f"local-stack-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": stack.brokers})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(20)
    return name


@pytest.fixture
def connect(stack: Stack) -> Iterator[Callable[[], Session]]:
    """Opens sessions, each with a cluster object of its own: one that lost its node reconnects on its own time."""
    clusters: list[Cluster] = []

    def session() -> Session:
        clusters.append(Cluster([stack.host], port=stack.ports.cassandra))
        return clusters[-1].connect()

    yield session
    for cluster in clusters:
        cluster.shutdown()


def test_a_record_comes_back_with_its_append_time_and_not_the_senders(stack: Stack, topic: str) -> None:
    produce(stack, topic, [b"one"], timestamp=1)
    (message,) = consume(stack, topic, 1)
    kind, milliseconds = message.timestamp()
    assert message.value() == b"one"
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert milliseconds > 1_000_000_000_000


def test_a_misspelt_topic_is_not_created(stack: Stack) -> None:
    name = f"local-stack-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": stack.brokers})
    admin.list_topics(name, timeout=20)
    assert name not in admin.list_topics(timeout=20).topics


def test_kafka_keeps_what_it_acknowledged_through_kill_9(stack: Stack, topic: str) -> None:
    sent = [str(number).encode() for number in range(1_000)]
    produce(stack, topic, sent)
    stack.kill("kafka")
    stack.up("kafka")
    assert [message.value() for message in consume(stack, topic, len(sent))] == sent


def test_cassandra_runs_a_release_without_the_known_holes(connect: Callable[[], Session]) -> None:
    release: str = connect().execute("SELECT release_version FROM system.local").one().release_version
    assert tuple(int(part) for part in release.split(".")) >= (5, 0, 7)


def test_cassandra_keeps_what_it_acknowledged_through_kill_9(stack: Stack, connect: Callable[[], Session]) -> None:
    """Killed in the moment after the last acknowledgement: a commit log that is marked now and then loses rows here."""
    session, keyspace = connect(), f"k{uuid.uuid4().hex}"
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
    session.execute(f"CREATE TABLE {keyspace}.rows (id int PRIMARY KEY)")
    for number in range(300):
        session.execute(f"INSERT INTO {keyspace}.rows (id) VALUES ({number})")  # noqa: S608 - our own numbers
    stack.kill("cassandra")
    stack.up("cassandra")
    session = connect()
    assert {row.id for row in session.execute(f"SELECT id FROM {keyspace}.rows")} == set(range(300))  # noqa: S608 - our own name
    session.execute(f"DROP KEYSPACE {keyspace}")


def test_an_oversize_body_reaches_the_subscriber(stack: Stack) -> None:
    """10 MB must come to the bridge, which dead-letters it; a broker that drops it has acknowledged it before."""
    body = b"x" * 10_000_000
    with connected(stack) as subscriber, connected(stack) as publisher:
        subscribe(subscriber, "local-stack/large")
        publisher.publish("local-stack/large", body, qos=1).wait_for_publish(20)
        wait_until(lambda: bodies(subscriber) == [body], "the large body")


def test_a_persistent_session_keeps_its_queue_through_a_restart(stack: Stack) -> None:
    topic, client_id = "local-stack/queued", f"local-stack-{uuid.uuid4()}"
    with persistent(stack, client_id) as subscriber:
        subscribe(subscriber, topic)
    sent = [str(number).encode() for number in range(2_000)]
    with connected(stack) as publisher:
        for body in sent:
            publisher.publish(topic, body, qos=1).wait_for_publish(20)
    stack.stop("mosquitto")
    stack.up("mosquitto")
    with persistent(stack, client_id) as subscriber:
        wait_until(lambda: len(bodies(subscriber)) >= len(sent), "the queued messages")
        assert bodies(subscriber) == sent


def test_prometheus_scrapes_itself_and_every_service(stack: Stack) -> None:
    stack.up("prometheus")
    targets = f"{stack.url('prometheus')}/api/v1/targets"

    def health() -> dict[str, str]:
        with urllib.request.urlopen(targets, timeout=10) as answer:  # noqa: S310 - our own server
            active = json.load(answer)["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in active}

    wait_until(lambda: health().get("prometheus") == "up", "a first scrape")
    services = {"ingest_mqtt", "ingest_sources", "process_readings", "sink_cassandra", "serve_api"}
    processors = {"process_predictions", "process_interactions"}
    assert set(health()) == services | processors | {"train_models", "prometheus"}


def produce(stack: Stack, topic: str, values: list[bytes], timestamp: int = 0) -> None:
    producer = Producer({"bootstrap.servers": stack.brokers, "acks": "all", "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, timestamp=timestamp)
    assert producer.flush(20) == 0


def consume(stack: Stack, topic: str, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    received: list[Message] = []

    def all_came() -> bool:
        received.extend(message for message in consumer.consume(count, timeout=1) if message.error() is None)
        return len(received) >= count

    try:
        wait_until(all_came, f"{count} records of {topic}")
    finally:
        consumer.close()
    return received
