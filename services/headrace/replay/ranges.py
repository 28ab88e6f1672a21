"""Finds the offsets of a span of append time."""

from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from headrace.errors import ConfigurationError, TransientError
from headrace.kafka import consumer_config
from headrace.replay.plan import Range, Ranges

_ANSWER_S = 30.0


def find_ranges(brokers: str, topics: Iterable[str], since_us: int, until_us: int | None) -> Ranges:
    """The committed records of each partition that were appended from `since_us` on and before `until_us`.

    Args:
        until_us: None means up to the present end.

    Raises:
        ConfigurationError: a topic does not exist.
        TransientError: the brokers don't answer.
    """
    consumer = Consumer(consumer_config(brokers, "replays-are-in-no-group"))
    try:
        known = consumer.list_topics(timeout=_ANSWER_S).topics
        found: Ranges = {}
        for topic in topics:
            if topic not in known:
                raise ConfigurationError(f"topic {topic} does not exist; run python -m headrace.topics")
            partitions = sorted(known[topic].partitions)
            found[topic] = [_range(consumer, topic, partition, since_us, until_us) for partition in partitions]
        return found
    except KafkaException as error:
        raise TransientError(f"the brokers don't answer: {error}") from error
    finally:
        consumer.close()


def _range(consumer: Consumer, topic: str, partition: int, since_us: int, until_us: int | None) -> Range:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S)
    start = _first_since(consumer, topic, partition, since_us, high) if since_us > 0 else low
    end = high if until_us is None else _first_since(consumer, topic, partition, until_us, high)
    return min(start, end), end


def _first_since(consumer: Consumer, topic: str, partition: int, us: int, high: int) -> int:
    # Kafka's times are milliseconds; a record of the millisecond in which a span begins is not before it.
    asked = TopicPartition(topic, partition, -(-us // 1_000))
    found = int(consumer.offsets_for_times([asked], timeout=_ANSWER_S)[0].offset)
    return found if 0 <= found < high else high
