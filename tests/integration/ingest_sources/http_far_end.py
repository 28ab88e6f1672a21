"""An HTTP API that tests can change, break and kill: rows by every kind of paging, and answers that are no good.

Run by hand: python -m tests.integration.ingest_sources.http_far_end PORT; it then has 1,000 orders.
"""

import json
import socket
import ssl
import sys
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

MEGABYTE = 1_000_000
Row = dict[str, Any]


@dataclass
class Asked:
    """A request as it came.

    Attributes:
        at: seconds of this machine's monotonic clock.
        status: of the answer.
    """

    at: float
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int = 0


@dataclass
class Scripted:
    """An answer in place of the usual one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


class HttpFarEnd:
    """The API, on 127.0.0.1.

    Attributes:
        rows: in the order in which they are given; change them as you like.
        next_answers: given once each, before anything else.
        on_request: called with each request before it is answered.
        token: that `/token` gives and all else under `/private` wants.
        token_lasts_s: as the token's answer says.
    """

    def __init__(self, rows: list[Row] | None = None, certificate: tuple[Path, Path] | None = None) -> None:
        self.rows: list[Row] = rows or []
        self.asked: list[Asked] = []
        self.next_answers: list[Scripted] = []
        self.on_request: Callable[[Asked], None] = lambda asked: None
        self.token = "token-1"  # noqa: S105 - of nothing
        self.token_lasts_s = 3_600.0
        self.clients = {"headrace": "client-secret"}
        self._certificate = certificate
        self._server: _Server | None = None
        self.port = 0

    def start(self) -> None:
        """Listens, at the same port as before."""
        self._server = _Server(self, self.port)
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Ends at once; what is under way is reset."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.reset()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"{'https' if self._certificate else 'http'}://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [asked.path for asked in self.asked]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, end: HttpFarEnd, port: int) -> None:
        self.end = end
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the test's."""

    def reset(self) -> None:
        """Drops all connections."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    _ROUTES: ClassVar[dict[str, str]] = {
        "all": "_all",
        "page": "_page",
        "offset": "_offset",
        "cursor": "_cursor",
        "header_cursor": "_header_cursor",
        "link": "_link",
        "next_url": "_next_url",
        "since": "_since",
        "lines": "_lines",
        "same": "_same",
        "loop": "_loop",
        "redirect": "_redirect",
        "drip": "_drip",
        "drip_head": "_drip_head",
        "huge": "_huge",
        "bomb": "_bomb",
        "cut": "_cut",
    }

    def do_GET(self) -> None:
        asked = self._note()
        end = self.server.end
        end.on_request(asked)
        if end.next_answers:
            scripted = end.next_answers.pop(0)
            self._answer(scripted.status, scripted.body, scripted.headers)
            return
        parts = asked.path.strip("/").split("/")
        if parts[0] == "private" and asked.headers.get("authorization") != f"Bearer {end.token}":
            self._answer(401, b'{"error": "who are you?"}', {"WWW-Authenticate": "Bearer"})
            return
        route = self._ROUTES.get(parts[-1])
        if route is None:
            self._answer(404, b'{"error": "no such path"}')
            return
        getattr(self, route)(asked)

    def do_POST(self) -> None:
        asked = self._note()
        end = self.server.end
        form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        known = {b64encode(f"{name}:{secret}".encode()).decode() for name, secret in end.clients.items()}
        is_known = asked.headers.get("authorization", "").removeprefix("Basic ") in known or end.clients.get(
            form.get("client_id", "")
        ) == form.get("client_secret", "-")
        if asked.path != "/token" or form.get("grant_type") != "client_credentials" or not is_known:
            self._answer(401, b'{"error": "invalid_client"}')
            return
        token = {"access_token": end.token, "token_type": "Bearer", "expires_in": end.token_lasts_s}
        self._json(token)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def _note(self) -> Asked:
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(time.monotonic(), split.path, dict(parse_qsl(split.query)), headers)
        self.server.end.asked.append(asked)
        return asked

    def _all(self, asked: Asked) -> None:
        body = json.dumps(self.server.end.rows).encode()
        etag = f'"{sha256(body).hexdigest()[:16]}"'
        if asked.headers.get("if-none-match") == etag:
            self._answer(304, b"", {"ETag": etag})
        else:
            self._answer(200, body, {"ETag": etag, "Content-Type": "application/json"})

    def _slice(self, asked: Asked, start: int) -> tuple[list[Row], int | None]:
        """Rows, and where the next page begins."""
        size = int(asked.query.get("size", 10))
        rows = self.server.end.rows
        return rows[start : start + size], (start + size if start + size < len(rows) else None)

    def _page(self, asked: Asked) -> None:
        size = int(asked.query.get("size", 10))
        rows, _ = self._slice(asked, (int(asked.query.get("page", 1)) - 1) * size)
        pages = -(-len(self.server.end.rows) // size)
        self._json({"data": {"items": rows}, "meta": {"pages": pages}})

    def _offset(self, asked: Asked) -> None:
        # As many servers do, it never gives more than it likes, whatever is asked for.
        start = int(asked.query.get("offset", 0))
        rows = self.server.end.rows[start : start + min(int(asked.query.get("size", 10)), 7)]
        self._json({"items": rows, "total": len(self.server.end.rows)})

    def _cursor(self, asked: Asked) -> None:
        rows, after = self._slice(asked, int(asked.query.get("after", "c0")[1:]))
        self._json({"items": rows, "meta": {"next": None if after is None else f"c{after}"}})

    def _header_cursor(self, asked: Asked) -> None:
        rows, after = self._slice(asked, int(asked.query.get("after", "c0")[1:]))
        self._json(rows, {} if after is None else {"X-Next": f"c{after}"})

    def _link(self, asked: Asked) -> None:
        rows, after = self._slice(asked, int(asked.query.get("start", 0)))
        links = ['<https://elsewhere.example/?page=1>; rel="first"']
        if after is not None:
            links.append(f'<{self._again(asked, start=after)}>; title="a, b"; rel="next last"')
        self._json(rows, {"Link": ", ".join(links)})

    def _next_url(self, asked: Asked) -> None:
        rows, after = self._slice(asked, int(asked.query.get("start", 0)))
        following = None if after is None else self.server.end.url(self._again(asked, start=after))
        self._json({"results": rows, "next": following})

    def _again(self, asked: Asked, **changes: object) -> str:
        return f"{asked.path}?{urlencode({**asked.query, **changes})}"

    def _since(self, asked: Asked) -> None:
        """Rows of that mark or a later one, the oldest first, by pages."""
        since, number = asked.query.get("since", ""), int(asked.query.get("page", 1))
        found = sorted((row for row in self.server.end.rows if row["at"] >= since), key=lambda row: str(row["at"]))
        if asked.query.get("order") == "newest":
            found.reverse()
        size = int(asked.query.get("size", 10))
        self._json({"items": found[(number - 1) * size : number * size]})

    def _lines(self, asked: Asked) -> None:
        body = b"".join(json.dumps(row).encode() + b"\r\n" for row in self.server.end.rows)
        self._answer(200, body, {"Content-Type": "application/x-ndjson; charset=utf-8"})

    def _same(self, asked: Asked) -> None:
        """It doesn't know the parameter of pages."""
        self._json({"items": self.server.end.rows})

    def _loop(self, asked: Asked) -> None:
        following = {"": "a", "a": "b", "b": "c", "c": "a"}[asked.query.get("after", "")]
        self._json({"items": [{"id": f"at {asked.query.get('after', '')}"}], "meta": {"next": following}})

    def _redirect(self, asked: Asked) -> None:
        self._answer(302, b"moved", {"Location": asked.query["to"]})

    def _drip(self, asked: Asked) -> None:
        self._head(200, {"Content-Length": str(MEGABYTE)})
        self._byte_by_byte(b" ")

    def _drip_head(self, asked: Asked) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self._byte_by_byte(b"x")

    def _byte_by_byte(self, byte: bytes) -> None:
        with suppress(OSError):
            while True:
                self.wfile.write(byte)
                self.wfile.flush()
                time.sleep(0.02)

    def _huge(self, asked: Asked) -> None:
        self._head(200, {"Transfer-Encoding": "chunked"})
        with suppress(OSError):
            self.wfile.write(b"1\r\n[\r\n")
            while True:
                self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    def _bomb(self, asked: Asked) -> None:
        """100 MB of blanks in 100 kB."""
        self._answer(200, _bomb(), {"Content-Encoding": "gzip"})

    def _cut(self, asked: Asked) -> None:
        self._head(200, {"Content-Length": "1000"})
        self.wfile.write(b'[{"id": 1}')
        self.close_connection = True

    def _json(self, value: object, headers: Mapping[str, str] | None = None) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        length = {} if status == 304 else {"Content-Length": str(len(body))}
        self._head(status, {**length, **(headers or {})})
        if status != 304:
            self.wfile.write(body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.server.end.asked[-1].status = status
        # Its own Date and Server are added by `send_response`.
        (self.send_response_only if "Date" in headers else self.send_response)(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(b" " * MEGABYTE) for _ in range(100)) + packer.flush()


if __name__ == "__main__":
    far_end = HttpFarEnd([{"id": number, "amount": number / 4} for number in range(1_000)])
    far_end.port = int(sys.argv[1])
    far_end.start()
    threading.Event().wait()
