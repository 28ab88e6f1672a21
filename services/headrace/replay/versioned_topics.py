"""Makes and deletes the topics of a replay, each configured as the live topic beside it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection

# The package's types leave these names out, which its documentation has.
from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, ResourceType  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from headrace.errors import TransientError
from headrace.kafka import client_config

ANSWER_S = 30.0
_SHOWN_EVERY_S = 0.05


class VersionedTopics:
    """The brokers' topics, as a replay needs them."""

    def __init__(self, brokers: str) -> None:
        self._admin = AdminClient(client_config(brokers))

    def existing(self, names: Iterable[str]) -> dict[str, int]:
        """Those topics that exist, with their partition counts.

        Raises:
            TransientError: the brokers don't answer.
        """
        try:
            found = self._admin.list_topics(timeout=ANSWER_S).topics
        except KafkaException as error:
            raise TransientError(f"the brokers don't answer: {error}") from error
        return {name: len(found[name].partitions) for name in names if name in found}

    def create(self, names: Mapping[str, str]) -> None:
        """Makes what is missing; the live topics exist.

        Args:
            names: live topic → topic that is made with its partitions, replicas and settings.

        Raises:
            TransientError: the brokers don't answer or refuse.
        """
        found = self._admin.list_topics(timeout=ANSWER_S).topics
        missing = {live: own for live, own in names.items() if own not in found}
        new = []
        for live, own in missing.items():
            partitions = found[live].partitions
            replicas = len(partitions[0].replicas)
            new.append(NewTopic(own, len(partitions), replicas, config=self._settings(live)))
        self.make(new)

    def make(self, new: Sequence[NewTopic]) -> None:
        """Makes the topics that are missing, and waits until the brokers show them."""
        found = self.existing(topic.topic for topic in new)
        missing = [topic for topic in new if topic.topic not in found]
        if not missing:
            return
        for name, future in self._admin.create_topics(missing, operation_timeout=ANSWER_S).items():
            result_of(future, f"topic {name}")
        deadline = time.monotonic() + ANSWER_S
        while len(self.existing(topic.topic for topic in missing)) < len(missing):
            if time.monotonic() > deadline:
                raise TransientError("the brokers don't show the topics that they have made")
            time.sleep(_SHOWN_EVERY_S)

    def ids(self, names: Iterable[str]) -> dict[str, str]:
        """The ids of topics that exist, which tell a topic from another of its name."""
        wanted = list(names)
        if not wanted:
            return {}
        futures = self._admin.describe_topics(TopicCollection(wanted), request_timeout=ANSWER_S)
        return {name: str(result_of(future, f"topic {name}").topic_id) for name, future in futures.items()}

    def delete(self, names: Iterable[str]) -> list[str]:
        """Deletes those that exist, and returns their names."""
        found = list(self.existing(names))
        for name, future in (self._admin.delete_topics(found, operation_timeout=ANSWER_S) if found else {}).items():
            result_of(future, f"topic {name}")
        return found

    def _settings(self, topic: str) -> dict[str, str]:
        """What was set for a topic itself."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        entries = result_of(self._admin.describe_configs([resource])[resource], f"the settings of {topic}")
        own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {name: str(entry.value) for name, entry in entries.items() if entry.source == own}


def result_of(future: Any, what: str, missing: Any = None) -> Any:
    """An admin call's answer.

    Args:
        missing: in place of an error that says that there is no such topic or group.

    Raises:
        TransientError: the brokers refuse or don't answer.
    """
    try:
        return future.result(ANSWER_S)
    except KafkaException as raised:
        error: KafkaError = raised.args[0]
        if missing is not None and error.code() in (
            KafkaError.UNKNOWN_TOPIC_OR_PART,
            KafkaError.GROUP_ID_NOT_FOUND,
        ):
            return missing
        raise TransientError(f"{what}: {error.str()}") from raised
    except TimeoutError as raised:
        raise TransientError(f"{what}: the brokers don't answer") from raised
