"""Reads the dead letters of one test."""

import uuid

from confluent_kafka import Consumer, TopicPartition

from deploy.local.stack import Stack
from headrace.deadletter import TOPIC, DeadLetter
from headrace.kafka import headers_of_message
from headrace.topics import load_topics


def dead_letters_of(stack: Stack, site: str, least: int) -> list[DeadLetter]:
    """The dead letters of the sink whose key names a site, or an empty list while there are fewer than `least`."""
    consumer = Consumer(
        {"bootstrap.servers": stack.brokers, "group.id": uuid.uuid4().hex, "enable.partition.eof": False}
    )
    try:
        found = [letter for letter in _all(consumer) if letter.key and site.encode() in letter.key]
    finally:
        consumer.close()
    return found if len(found) >= least else []


def _all(consumer: Consumer) -> list[DeadLetter]:
    partitions = [TopicPartition(TOPIC, number, 0) for number in range(load_topics()[TOPIC].partitions)]
    expected = sum(high - low for low, high in (consumer.get_watermark_offsets(p, timeout=10) for p in partitions))
    consumer.assign(partitions)
    letters: list[DeadLetter] = []
    while len(letters) < expected:
        # No more than are missing, as it waits for as many.
        messages = consumer.consume(min(1_000, expected - len(letters)), 5)
        if not messages:
            break
        letters += [DeadLetter.from_record(m.value(), m.key(), headers_of_message(m)) for m in messages]
    return [letter for letter in letters if letter.stage.startswith("sink_cassandra")]
