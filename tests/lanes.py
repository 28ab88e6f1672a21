"""Runs the tests in lanes side by side: most of them wait for Kafka, Cassandra or a deadline and leave the cores idle.

Usage: python -m tests.lanes [ARGUMENT ...], which each lane's pytest gets too. The output of a lane is shown when it
has ended, and until then is in `.headrace/tests`. The status is 0 where every lane's is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.paths import PROJECT

LANES: Mapping[str, tuple[str, ...]] = {
    "services": (
        "tests/integration",
        "--ignore=tests/integration/headrace",
        "--ignore=tests/integration/ingest_sources",
        "--ignore=tests/integration/process_interactions",
        "--ignore=tests/integration/process_predictions",
        "--ignore=tests/integration/subjects",
        "--ignore=tests/integration/train_models",
    ),
    "e2e": ("tests/e2e",),
    "quick": ("tests", "--ignore=tests/integration", "--ignore=tests/e2e"),
    "sources": ("tests/integration/ingest_sources",),
    "headrace": ("tests/integration/headrace",),
    "models": ("tests/integration/train_models", "tests/integration/process_predictions"),
    "people": ("tests/integration/process_interactions", "tests/integration/subjects"),
}
"""What pytest takes in each, the longest first: a long one that begins late runs alone at the end. Apart are folders
that start a Kafka of their own anyway."""

AT_ONCE = 1 + (os.cpu_count() or 1)
"""Two leave the cores of two idle for a third of the time. With many more a killed Kafka can be away for the 30 s after
which who writes to it gives a record up."""

LOGS = PROJECT / ".headrace" / "tests"


def main(lanes: Mapping[str, Sequence[str]], logs: Path) -> int:
    """Runs each lane's pytest with its arguments; returns 1 where one failed."""
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    runs = [_Lane(name, arguments, logs / f"{name}.log") for name, arguments in lanes.items()]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            list(pool.map(_Lane.run, runs))
        except KeyboardInterrupt:
            # Ctrl-C came to the lanes too, which end their components; those that wait for a turn get none.
            pool.shutdown(cancel_futures=True)
    _say("\n".join(("== lanes", *map(str, runs))))
    return int(any(run.status != 0 for run in runs))


class _Lane:
    """One pytest."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.status: int | None = None
        self._name = name
        self._arguments = arguments
        self._log = log
        self._seconds = 0.0

    def run(self) -> None:
        begin = time.monotonic()
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "pytest", *self._arguments]
            self.status = subprocess.run(command, cwd=PROJECT, stdout=log, stderr=log, check=False).returncode
        self._seconds = time.monotonic() - begin
        _say(f"== lane {self}\n{self._log.read_text(errors='replace')}")

    def __str__(self) -> str:
        ending = {None: "not begun", 0: "passed"}.get(self.status, f"FAILED with status {self.status}")
        return f"{self._name:12} {self._seconds:4.0f} s  {ending}"


_SAYING = threading.Lock()


def _say(text: str) -> None:
    with _SAYING:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main({name: (*lane, *sys.argv[1:]) for name, lane in LANES.items()}, LOGS))
