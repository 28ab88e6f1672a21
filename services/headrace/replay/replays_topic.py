"""The compacted topic in which replays keep what must outlive their processes: plans, and how far copies are."""

from collections.abc import Mapping

from confluent_kafka.cimpl import NewTopic

from headrace.kafka import Producer
from headrace.range_reader import RangeReader
from headrace.replay.versioned_topics import ANSWER_S, VersionedTopics

TOPIC = "headrace.replays"
PARTITION = 0
_CONFIG = {"cleanup.policy": "compact", "retention.ms": "-1"}


class ReplaysTopic:
    """Reads the newest value of each key, and writes some."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers
        self._topics = VersionedTopics(brokers)

    def read(self) -> dict[str, bytes]:
        """All that is committed.

        Raises:
            TransientError: the brokers don't answer.
        """
        found: dict[str, bytes] = {}
        if not self._topics.existing([TOPIC]):
            return found
        reader = RangeReader(self._brokers, TOPIC, PARTITION)
        try:
            reader.start(*reader.bounds())
            while not reader.is_done:
                for message in reader.read():
                    key, value = (message.key() or b"").decode(), message.value()
                    if value is None:
                        found.pop(key, None)
                    else:
                        found[key] = value
        finally:
            reader.close()
        return found

    def write(self, values: Mapping[str, bytes | None]) -> None:
        """Writes values, in place of those before; None deletes one. They are kept when this returns."""
        self._topics.make([NewTopic(TOPIC, 1, config=_CONFIG)])
        producer = Producer(self._brokers, "headrace-replay")
        for key, value in values.items():
            producer.produce(TOPIC, value, key.encode())
        producer.flush(ANSWER_S)
