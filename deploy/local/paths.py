"""Where the project's files and the stack's own files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
LOCAL = DEPLOY / "local"
JARS = PROJECT / ".headrace" / "jars"
# Debian puts servers in /usr/sbin, which an ordinary user's path lacks.
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
DEFAULT_ROOT = PROJECT / ".headrace" / "run"


@dataclass(frozen=True)
class Layout:
    """The folders of one stack, all under its root."""

    root: Path

    @property
    def data_folder(self) -> Path:
        """Holds what survives a restart; `--fresh` deletes it."""
        return self.root / "data"

    def data(self, component: str) -> Path:
        return self.data_folder / component

    def config(self, component: str, name: str) -> Path:
        return self.root / "config" / component / name

    def log(self, component: str) -> Path:
        return self.root / "logs" / f"{component}.log"

    def record(self, component: str) -> Path:
        return self.root / "pids" / f"{component}.json"

    def records(self) -> list[Path]:
        """The records of everything that was started and not yet stopped."""
        return sorted((self.root / "pids").glob("*.json"))
