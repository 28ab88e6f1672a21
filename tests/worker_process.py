"""A processor as a process of its own, which a test may kill."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from deploy.local.paths import PROJECT
from deploy.local.ports import can_bind


class WorkerProcess:
    """`python -m SERVICE` with its log in a folder, on a port of its own from `first_port` on."""

    def __init__(self, service: str, folder: Path, first_port: int) -> None:
        self.log = folder / "worker.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = next(port for port in range(first_port, first_port + 200) if can_bind(port))
        self._service = service

    def start_with(self, settings: Mapping[str, str]) -> None:
        """Starts it with these settings, named without the service's prefix."""
        given = {"HTTP_PORT": str(self.port), **settings}
        variables = {f"{self._service.upper()}_{name}": value for name, value in given.items()}
        path = {"PYTHONPATH": os.pathsep.join((str(PROJECT / "services"), str(PROJECT)))}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", self._service]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **path, **variables})

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """Ends it as an operator would; returns its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(30)
        self.process = None
        return status

    def said(self) -> str:
        """The end of the worker's log."""
        return self.log.read_text(errors="replace")[-800:] if self.log.exists() else ""

    def get(self, path: str) -> bytes | None:
        """What it answers, or None where it doesn't, or with an error."""
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
            content: bytes = answer.read()
            return content
        return None

    def metrics(self) -> str:
        return (self.get("/metrics") or b"").decode()
