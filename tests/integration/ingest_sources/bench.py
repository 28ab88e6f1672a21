"""A source of its own for each test: its YAML, its folder, its processes, and what is committed of it."""

import signal
import subprocess
import sys
from pathlib import Path

import yaml

from ingest_sources.ledger import FileEntry, read_entries
from tests.integration.ingest_sources.bench_base import WAIT_S, BenchBase

PROCESS = Path(__file__).with_name("source_process.py")
HEADER = "order,line,amount\n"
RULES = [
    {"cast": {"columns": {"amount": "number"}}},
    {"range": {"column": "amount", "min": 0}},
    {"filter": "line <> 'test'"},
]


class SourceBench(BenchBase):
    """A source of files named `orders_...` and its folder."""

    def __init__(self, brokers: str, root: Path) -> None:
        super().__init__(brokers, root, "orders")
        self.folder = self.data / self.name
        self.configure()

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
        assert self.run() == 0, self.log_tail()

    def kill_at(self, step: str, count: int) -> None:
        assert self.run(step, count) == -signal.SIGKILL, self.log_tail()

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
