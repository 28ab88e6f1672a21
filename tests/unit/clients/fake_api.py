"""An API that answers events as a test has it do, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any, dict[str, str]]
TAKEN: Answer = (202, {"accepted": 1, "repeated": 0, "refused": []}, {})
"""What is answered where a test says nothing else."""


@dataclass
class FakeApi:
    """`fixed` answers are by path without query, the others one to a request; status 0 breaks the connection off."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    stream: bytes = b""
    fixed: dict[str, Answer] = field(default_factory=dict)

    def events(self) -> list[list[dict[str, Any]]]:
        """Of each request with events."""
        return [body["events"] for method, path, _, body in self.requests if path == "/v1/events"]


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            api.times.append(time.monotonic())
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.requests.append((self.command, self.path, headers, json.loads(body) if body else None))
            if "/live" in self.path:
                self._write(200, api.stream, {"Content-Type": "text/event-stream"})
                return
            fixed = api.fixed.get(self.path.partition("?")[0])
            status, answer, more = fixed or (api.answers.pop(0) if api.answers else TAKEN)
            if status == 0:
                self.close_connection = True
            else:
                self._write(status, json.dumps(answer).encode(), more)

        def _write(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *arguments: object) -> None:
            """Nothing: the test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def problem(status: int, kind: str, **headers: str) -> Answer:
    """A problem document."""
    document = {"type": f"urn:headrace:problem:{kind}", "detail": f"it is {kind}", "errors": []}
    return status, document, {name.replace("_", "-"): value for name, value in headers.items()}
