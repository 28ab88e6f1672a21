"""A feed of its own for each test: its YAML, its secrets, its processes, and what is committed of it."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.ledger import read_feed
from tests.integration.ingest_sources.bench_base import WAIT_S, BenchBase

PROCESS = Path(__file__).with_name("feed_process.py")
SILENCE_S = 1.0


class FeedBench(BenchBase):
    """A source named `feed_...`. `configure` writes its file; `run` and `kill_at` start processes that read it."""

    def __init__(self, brokers: str, root: Path) -> None:
        super().__init__(brokers, root, "feed")

    def configure(self, content: Mapping[str, object], key: str = "{id}") -> None:
        """Writes the source's file: what is given, and its own topic unless `into` is given."""
        own = {"into": {"topic": self.topic, "key": key}}
        (self.sources / f"{self.name}.yaml").write_text(yaml.safe_dump({**own, **content}, sort_keys=False))

    def start(self, step: str = "", count: int = 1, silence_s: float = SILENCE_S) -> "subprocess.Popen[bytes]":
        """Starts a process that delivers what there is, and kills itself the `count`-th time it comes to a step."""
        command = [sys.executable, str(PROCESS), self.name, str(silence_s), *([step, str(count)] if step else [])]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment())

    def run(self, silence_s: float = SILENCE_S) -> None:
        """Delivers what there is, to its end."""
        assert self.start(silence_s=silence_s).wait(WAIT_S) == 0, self.log_tail()

    def kill_at(self, step: str, count: int = 1) -> None:
        """Runs a process that is killed at a step."""
        assert self.start(step, count).wait(WAIT_S) == -signal.SIGKILL, self.log_tail()

    def entry(self) -> FeedEntry | None:
        """How far the source is, as committed."""
        return read_feed(self.brokers, self.name)
