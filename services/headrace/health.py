"""`/healthz`, `/readyz` and `/metrics` over HTTP, on a thread of their own: a busy loop cannot hide its state."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from headrace.errors import ConfigurationError

Check = Callable[[], str | None]
"""Returns what is wrong, or None."""


class HealthServer:
    """Serves a process's state.

    Args:
        host, port: where to listen; port 0 takes a free one, see `port`.
        registry: what `/metrics` shows.
        live: checks whose failure means that the process should be restarted.
        ready: checks whose failure means that it cannot do its work now.

    Raises:
        ConfigurationError: the port is taken or the address is not this machine's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        live: Mapping[str, Check] | None = None,
        ready: Mapping[str, Check] | None = None,
    ) -> None:
        live_checks = dict(live or {})
        ready_checks = {**live_checks, **(ready or {})}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif self.path == "/healthz":
                    self._answer_checks(live_checks)
                elif self.path == "/readyz":
                    self._answer_checks(ready_checks)
                else:
                    self._answer(404, "application/json", b'{"error":"try /healthz, /readyz or /metrics"}')

            def _answer_checks(self, checks: Mapping[str, Check]) -> None:
                problems = {name: problem for name, check in checks.items() if (problem := check()) is not None}
                body = {"status": "failing" if problems else "ok", "problems": problems}
                self._answer(503 if problems else 200, "application/json", json.dumps(body).encode())

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """A probe every second is not worth a line."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be listened on ({error.strerror}): set HTTP_PORT to a free port, or 0"
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
