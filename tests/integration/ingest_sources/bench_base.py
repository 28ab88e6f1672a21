"""What benches of sources share: settings, secrets, and what a reader of committed records sees of a source."""

import os
from collections import Counter
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Message

from headrace.deadletter import DeadLetter
from headrace.deadletter_topic import DeadLetters
from headrace.range_reader import RangeReader
from headrace.replay.ranges import find_ranges

WAIT_S = 90.0


class BenchBase:
    """One source with a name and a topic of its own, on a running Kafka with Headrace's topics."""

    def __init__(self, brokers: str, root: Path, kind: str) -> None:
        self.brokers = brokers
        self.name = f"{kind}_{uuid4().hex[:8]}"
        self.topic = f"sources.{self.name}"
        self.sources = root / "sources"
        self.secrets = root / "secrets"
        self.data = root / "data"
        self.log = root / "process.log"
        self.sources.mkdir()
        self.secrets.mkdir(mode=0o700)

    def environment(self) -> dict[str, str]:
        """The settings of a process of ingest_sources."""
        own = {
            "BROKERS": self.brokers,
            "SOURCES": str(self.sources),
            "SECRETS": str(self.secrets),
            "DATA": str(self.data),
            "HTTP_PORT": "0",
        }
        return {**os.environ, **{f"INGEST_SOURCES_{name}": value for name, value in own.items()}}

    def secret(self, name: str, text: str) -> None:
        """Writes a secret as its owner alone may read it."""
        path = self.secrets / name
        path.touch(mode=0o600)
        path.write_text(text)

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:]

    def keys(self) -> Counter[str]:
        """How often each key is in the source's topic."""
        return Counter((message.key() or b"").decode() for message in self.messages())

    def messages(self) -> list[Message]:
        """The records of the source's topic, partition by partition; none where it is not made yet."""
        return self.messages_of(self.topic)

    def messages_of(self, topic: str) -> list[Message]:
        """The records of a topic."""
        found = []
        for number, (start, end) in enumerate(find_ranges(self.brokers, [topic], 0, None)[topic]):
            with closing(RangeReader(self.brokers, topic, number)) as reader:
                reader.start(start, end)
                while not reader.is_done:
                    found += reader.read()
        return found

    def letters(self) -> list[DeadLetter]:
        """The source's dead letters."""
        prefix = f"sources/{self.name}/"
        return [letter for letter in DeadLetters(self.brokers).read_all() if letter.source.topic.startswith(prefix)]
