"""A source of its own for each test: its YAML, its folder, its processes, and what is committed of it."""

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import yaml
from confluent_kafka import Message

from headrace.deadletter import DeadLetter
from headrace.deadletter_topic import DeadLetters
from headrace.range_reader import RangeReader
from headrace.replay.ranges import find_ranges
from ingest_sources.ledger import FileEntry, read_entries

PROCESS = Path(__file__).with_name("source_process.py")
WAIT_S = 90.0
HEADER = "order,line,amount\n"
RULES = [
    {"cast": {"columns": {"amount": "number"}}},
    {"range": {"column": "amount", "min": 0}},
    {"filter": "line <> 'test'"},
]


class SourceBench:
    """One source named `orders_...` with a topic of its own, on a running Kafka with Headrace's topics."""

    def __init__(self, brokers: str, root: Path) -> None:
        self.brokers = brokers
        self.name = f"orders_{uuid4().hex[:8]}"
        self.sources = root / "sources"
        self.folder = root / "data" / self.name
        self.log = root / "process.log"
        self._root = root
        self.sources.mkdir()
        self.configure()

    @property
    def topic(self) -> str:
        return f"sources.{self.name}"

    def configure(self, **changes: object) -> None:
        """Writes the source's file."""
        content = {
            "kind": "files",
            "folder": self.name,
            "pattern": "*",
            "stable_seconds": 0,
            "limits": {"chunk_rows": 1_000},
            "rules": RULES,
            "into": {"topic": self.topic, "key": "{order}/{line}"},
            **changes,
        }
        (self.sources / f"{self.name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    def environment(self) -> dict[str, str]:
        own = {
            "BROKERS": self.brokers,
            "SOURCES": str(self.sources),
            "DATA": str(self._root / "data"),
            "HTTP_PORT": "0",
        }
        return {**os.environ, **{f"INGEST_SOURCES_{name}": value for name, value in own.items()}}

    def drop(self, name: str, content: str | bytes) -> Path:
        """Puts a file into the folder at once whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        part = path.with_name(f".{name}.part")
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        return part.rename(path)

    def start(self, step: str = "", count: int = 1) -> "subprocess.Popen[bytes]":
        """Starts a process that loads what is there, and kills itself at a step."""
        command = [sys.executable, str(PROCESS), self.name, *([step, str(count)] if step else [])]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment())

    def run(self, step: str = "", count: int = 1) -> int:
        """Runs such a process to its end; returns its status."""
        return self.start(step, count).wait(WAIT_S)

    def load(self) -> None:
        """Loads what is there, to its end."""
        assert self.run() == 0, self.log.read_text(errors="replace")[-4_000:]

    def kill_at(self, step: str, count: int) -> None:
        assert self.run(step, count) == -signal.SIGKILL, self.log.read_text(errors="replace")[-4_000:]

    def keys(self) -> Counter[str]:
        """How often each key is in the source's topic."""
        return Counter((message.key() or b"").decode() for message in self.messages())

    def messages(self) -> list[Message]:
        """What a reader of committed records sees in the source's topic."""
        return self.messages_of(self.topic)

    def messages_of(self, topic: str) -> list[Message]:
        """What a reader of committed records sees in a topic."""
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

    def entries(self) -> dict[str, FileEntry]:
        """The ledger's entries of the source, by file."""
        return {entry.file: entry for entry in read_entries(self.brokers) if entry.source == self.name}

    def names(self, folder: str) -> set[str]:
        """What lies in `archive` or `quarantine`."""
        return {path.name for path in (self.folder / folder).iterdir()}


def orders(first: int, count: int) -> str:
    """A CSV of orders: one in 50 has no amount, one in 70 a cell too many, one in 90 is dropped by the filter."""
    return HEADER + "".join(_row(number) for number in range(first, first + count))


def _row(number: int) -> str:
    if number % 50 == 7:
        return f"{number},1,none\n"
    if number % 70 == 9:
        return f"{number},1,5,6\n"
    if number % 90 == 11:
        return f"{number},test,5\n"
    return f"{number},1,{number / 4}\n"


def expected(first: int, count: int) -> tuple[set[str], set[int], int]:
    """Of such a CSV: the keys that are delivered, the rows of the file that are refused, how many are dropped."""
    delivered, refused, dropped = set(), set(), 0
    for number in range(first, first + count):
        if number % 50 == 7 or number % 70 == 9:
            refused.add(number - first + 1)
        elif number % 90 == 11:
            dropped += 1
        else:
            delivered.add(f"{number}/1")
    return delivered, refused, dropped
