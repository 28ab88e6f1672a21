"""The topics that models score: whether they are there, and the changelogs of their stages."""

import logging
import threading
from collections.abc import Collection, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from headrace.errors import TransientError
from headrace.kafka import client_config
from headrace.models.stream import Stream
from headrace.topics import Topic, create_topics
from process_predictions.topology import scoring_changelog

_ANSWER_S = 30.0
_LOOK_S = 3.0
_SEGMENT_MB = 16
log = logging.getLogger(__name__)


def prepare_streams(brokers: str, streams: Mapping[str, Stream], replication: int) -> dict[str, Stream]:
    """Makes the changelog of each stream, with as many partitions as its topic; returns the streams that are there.

    A topic that doesn't exist yet is made by its writer, who knows its partitions.

    Raises:
        TransientError: the brokers don't answer.
        ConfigurationError: a changelog is there with another number of partitions.
    """
    if not streams:
        return {}
    partitions = _partitions(_admin(brokers))
    there = {name: stream for name, stream in streams.items() if stream.topic in partitions}
    for name in sorted(streams.keys() - there.keys()):
        log.warning("a model's topic is not there yet", extra={"model": name, "topic": streams[name].topic})
    changelogs = [_changelog(name, partitions[stream.topic]) for name, stream in there.items()]
    create_topics(brokers, {topic.name: topic for topic in changelogs}, replication)
    return there


class TopicWatch:
    """Looks every few seconds, on a thread of its own, whether a missing topic is there; used as a context."""

    def __init__(self, brokers: str, missing: Collection[str]) -> None:
        self.missing = sorted(missing)
        self._admin = _admin(brokers)
        self._is_there = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="topic-watch", daemon=True)

    def is_there(self) -> bool:
        """Whether one of the missing topics was made meanwhile."""
        return self._is_there.is_set()

    def __enter__(self) -> "TopicWatch":
        if self.missing:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()

    def _look(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            try:
                found = _partitions(self._admin).keys() & set(self.missing)
            except TransientError as error:
                log.warning("missing topics can't be looked for", extra={"problem": str(error)})
                continue
            if found:
                log.info("a model's topic is there now", extra={"topics": sorted(found)})
                self._is_there.set()
                return


def _admin(brokers: str) -> AdminClient:
    return AdminClient(client_config(brokers))


def _partitions(admin: AdminClient) -> dict[str, int]:
    try:
        found = admin.list_topics(timeout=_ANSWER_S).topics
    except KafkaException as raised:
        raise TransientError(f"the brokers don't list their topics: {raised.args[0].str()}") from raised
    return {name: len(topic.partitions) for name, topic in found.items() if topic.partitions}


def _changelog(model: str, partitions: int) -> Topic:
    return Topic(
        name=scoring_changelog(model),
        about=f"Checkpoints of the stream that model {model} scores.",
        key="`checkpoint`",
        record="cells",
        partitions=partitions,
        cleanup="compact",
        segment_mb=_SEGMENT_MB,
        writers=("process_predictions",),
        readers=("process_predictions",),
    )
