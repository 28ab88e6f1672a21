"""serve_api as a process of its own, without Cassandra, that a test may kill."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType

import httpx

from deploy.local.stack import Stack
from headrace.testing import wait_until


class PushApi:
    """The API on a Kafka that runs, for as long as the block."""

    def __init__(self, kafka: Stack, folder: Path) -> None:
        self.url = kafka.url("serve_api")
        self.keys = folder / "push_keys"
        self.keys.mkdir()
        self.log = folder / "api.log"
        self._environment = {**kafka.variables("serve_api"), "SERVE_API_PUSH_KEYS": str(self.keys)}
        # Their file is made where the stack itself starts the API; pushes are about nobody.
        del self._environment["SERVE_API_SUBJECT_KEYS"]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "PushApi":
        self.start()
        wait_until(self._answers, "the API to answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Begins to start it."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "serve_api"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)

    def kill(self) -> None:
        """Ends it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
