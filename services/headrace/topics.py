"""The flow as data: reads `schemas/topics.yaml` and creates the topics it names.

Run `python -m headrace.topics --brokers HOST:PORT` to create what is missing.
"""

import argparse
from pathlib import Path
from typing import Literal

import yaml
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headrace.errors import ConfigurationError, TransientError

TOPICS_FILE = Path(__file__).resolve().parents[2] / "schemas" / "topics.yaml"

_DAY_MS = 24 * 3_600_000
_MIB = 1_048_576


class Topic(BaseModel):
    """One topic.

    Attributes:
        key: what the key holds, in words.
        record: name and version of the schema of its values, `raw` for bytes as they came, `cells` for a changelog.
        partitions: set once; another number is a replay into a new topic.
        retention_days: how long records stay, by append time.
        segment_mb: size at which a new segment begins; only closed ones are compacted.
        required_groups: consumer groups that must have read a record before it may be deleted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: str
    key: str
    record: str
    partitions: int = Field(ge=1, le=256)
    cleanup: Literal["delete", "compact"] = "delete"
    segment_mb: int | None = Field(None, ge=1)
    retention_days: float | None = Field(None, gt=0)
    writers: tuple[str, ...]
    readers: tuple[str, ...] = ()
    required_groups: tuple[str, ...] = ()

    def config(self) -> dict[str, str]:
        """The topic's settings in Kafka's names."""
        retention = -1 if self.retention_days is None else int(self.retention_days * _DAY_MS)
        config = {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(retention),
            "message.timestamp.type": "LogAppendTime",
        }
        if self.segment_mb is not None:
            config["segment.bytes"] = str(self.segment_mb * _MIB)
        return config


def load_topics(path: Path = TOPICS_FILE) -> dict[str, Topic]:
    """Reads the topics file: name → topic.

    Raises:
        ConfigurationError: the file is missing or wrong; says which topic and field.
    """
    try:
        entries = yaml.safe_load(path.read_text())["topics"]
        return {name: Topic(name=name, **entry) for name, entry in entries.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValidationError) as error:
        raise ConfigurationError(f"{path.name}: {error}") from error


def create_topics(brokers: str, topics: dict[str, Topic], replication: int = 1, timeout: float = 30.0) -> list[str]:
    """Creates the topics that are missing and returns their names.

    Raises:
        ConfigurationError: a topic exists with another number of partitions.
        TransientError: the brokers do not answer or refuse.
    """
    if not topics:
        return []
    admin = AdminClient({"bootstrap.servers": brokers})
    try:
        existing = admin.list_topics(timeout=timeout).topics
    except KafkaException as error:
        raise TransientError(f"{brokers} does not say which topics there are: {error}") from error
    for name, topic in topics.items():
        if name in existing and len(existing[name].partitions) != topic.partitions:
            raise ConfigurationError(
                f"topic {name} has {len(existing[name].partitions)} partitions and topics.yaml says "
                f"{topic.partitions}: a key would change its partition; replay into a new topic instead"
            )
    missing = [topic for name, topic in topics.items() if name not in existing]
    new = [NewTopic(t.name, t.partitions, replication, config=t.config()) for t in missing]
    for name, future in (admin.create_topics(new, operation_timeout=timeout) if new else {}).items():
        try:
            future.result(timeout)
        except Exception as error:
            raise TransientError(f"topic {name} could not be created: {error}") from error
    return [topic.name for topic in missing]


def main() -> None:
    """Creates the topics of the topics file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--brokers", default="127.0.0.1:9092", help="Kafka bootstrap servers")
    parser.add_argument("--replication", type=int, default=1, help="replicas of each partition")
    arguments = parser.parse_args()
    created = create_topics(arguments.brokers, load_topics(), arguments.replication)
    print(f"created {', '.join(created)}" if created else "all topics exist")  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
