"""Whether the topics of a topology are there and fit together, asked once at a start."""

from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from headrace.errors import ConfigurationError, TransientError
from headrace.kafka import client_config
from headrace.streams.topology import Stage, Topology

_ANSWER_S = 30.0


def check_topics(brokers: str, topology: Topology) -> None:
    """Asks the brokers for the topics.

    Raises:
        ConfigurationError: topics are missing, or a stage's inputs and changelog differ in their partitions.
        TransientError: the brokers don't answer.
    """
    try:
        admin = AdminClient(client_config(brokers))
        found = admin.list_topics(timeout=_ANSWER_S).topics
    except KafkaException as raised:
        raise TransientError(f"the brokers don't list their topics: {raised.args[0].str()}") from raised
    problems = problems_of(topology, {name: len(topic.partitions) for name, topic in found.items()})
    if problems:
        raise ConfigurationError("; ".join(problems))


def problems_of(topology: Topology, partitions: Mapping[str, int]) -> list[str]:
    """What is wrong, in words; `partitions` has the number of partitions of each topic that exists."""
    needed = {topic for stage in topology.stages for topic in (*stage.inputs, *stage.outputs, stage.changelog)}
    missing = sorted(needed - partitions.keys())
    if missing:
        return [f"topics are missing: {', '.join(missing)}; run python -m headrace.topics"]
    return [line for stage in topology.stages for line in _unequal(stage, partitions)]


def _unequal(stage: Stage, partitions: Mapping[str, int]) -> list[str]:
    counts = {topic: partitions[topic] for topic in (*stage.inputs, stage.changelog)}
    if len(set(counts.values())) == 1:
        return []
    listed = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
    return [f"inputs and changelog of stage {stage.name} need equal numbers of partitions: {listed}"]
