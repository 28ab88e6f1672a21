"""What consumer groups have, and the offsets that they are given."""

from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from headrace.errors import ConfigurationError, TransientError
from headrace.kafka import client_config, consumer_config
from headrace.replay.versioned_topics import ANSWER_S, result_of

Partition = tuple[str, int]


class Group:
    """A consumer group, looked at from outside."""

    def __init__(self, brokers: str, name: str) -> None:
        self.name = name
        self._admin = AdminClient(client_config(brokers))
        self._config = consumer_config(brokers, name)

    def members(self) -> int:
        """How many consumers are in it."""
        future = self._admin.describe_consumer_groups([self.name], request_timeout=ANSWER_S)[self.name]
        found = result_of(future, f"group {self.name}", missing=())
        return len(found.members) if found else 0

    def refuse_members(self) -> None:
        """Raises ConfigurationError while somebody works in the group."""
        if count := self.members():
            raise ConfigurationError(
                f"group {self.name} has {count} member{'s' if count > 1 else ''}: stop the workers first "
                "(a killed one counts until its session ends), then give the command again"
            )

    def committed(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offsets that are committed, without the partitions that have none.

        Waits for the end of transactions that would change them.
        """
        consumer = Consumer(self._config)
        try:
            asked = [TopicPartition(*partition) for partition in partitions]
            found = consumer.committed(asked, timeout=ANSWER_S)
            return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}
        except KafkaException as error:
            raise TransientError(f"the offsets of group {self.name}: {error}") from error
        finally:
            consumer.close()

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Sets offsets, of a group without members."""
        if not offsets:
            return
        consumer = Consumer(self._config)
        try:
            wanted = [TopicPartition(*partition, offset) for partition, offset in offsets.items()]
            for result in consumer.commit(offsets=wanted, asynchronous=False) or ():
                if result.error is not None:
                    raise TransientError(f"an offset of group {self.name}: {result.error.str()}")
        except KafkaException as error:
            raise TransientError(f"the offsets of group {self.name}: {error}") from error
        finally:
            consumer.close()

    def delete(self) -> None:
        """Forgets the group and its offsets."""
        future = self._admin.delete_consumer_groups([self.name], request_timeout=ANSWER_S)[self.name]
        result_of(future, f"group {self.name}", missing=())
