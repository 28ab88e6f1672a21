"""The clients that may ask: lets a request in by its key, if its client doesn't ask too often."""

import hashlib
import logging
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from serve_api.clients.client import LOCAL, PUSHER, Client
from serve_api.clients.client_file import read_clients
from serve_api.clients.metrics import UNKNOWN, ClientMetrics
from serve_api.file_stamps import Stamp, is_settled, stamp_of
from serve_api.problems import Problem

_LOOK_S = 1.0
_SIGNED = "/v1/ingest/"
"""What is sent there is signed."""
_HOW = "send a client's key as `Authorization: Bearer KEY` or `X-Api-Key: KEY`"
_log = logging.getLogger(__name__)


class ClientRegister:
    """The clients of a file, read again when it changes.

    A file that is wrong changes nothing, as it would shut all clients out: what it held before counts until then.

    Args:
        path: None where everybody may do everything, as only this machine can reach the API.

    Raises:
        ConfigurationError: the file is wrong at the start.
    """

    def __init__(self, path: Path | None, clock: Clock, metrics: ClientMetrics) -> None:
        self._path = path
        self._clock = clock
        self._metrics = metrics
        self._looked = clock.monotonic()
        self._clients: dict[bytes, Client] = {}
        self._origins: frozenset[str] = frozenset()
        self._stamps: dict[Path, Stamp | None] = {}
        if path is not None:
            self._read(path)

    def admit(self, request: Request) -> Client:
        """The client of a request.

        Raises:
            Problem: it has no key, one that is not known, or comes from a page that may not use it (401, 403); or its
                client asks too often (429).
        """
        if self._path is None:
            return LOCAL
        self._look(self._path)
        key = _key_of(request)
        if key is None:
            if str(request.scope["path"]).startswith(_SIGNED):
                return PUSHER
            self._metrics.count(UNKNOWN, "no_key")
            raise _unauthorized("no-key", f"the request has no key: {_HOW}")
        client = self._clients.get(hashlib.sha256(key).digest())
        if client is None:
            self._metrics.count(UNKNOWN, "unknown_key")
            raise _unauthorized("unknown-key", f"no client has this key: {_HOW}, as the operator gave it")
        self._check_origin(client, request)
        self._check_rate(client, request)
        return client

    def check_page_key(self, key: str) -> None:
        """Raises:
        ConfigurationError: a key that a page tells everybody is a server's, or no client's.
        """
        client = self._clients.get(hashlib.sha256(key.encode()).digest())
        if client is None or client.kind != "browser":
            whose = "no client's" if client is None else f"that of the server {client.name}, which has to stay secret"
            raise ConfigurationError(
                f"everybody can read the key of the shop page, and it is {whose}: set SERVE_API_SHOP_KEY to that of a "
                f"client of kind browser in {self._path}"
            )

    def charge(self, client: Client, request: Request, tokens: float) -> None:
        """Counts a request that turned out to be as much work as several, towards its client's rate."""
        if client.limit is not None and tokens > 0:
            client.limit.charge(address_of(request), tokens, self._clock.monotonic())

    def is_origin(self, origin: str) -> bool:
        """Whether pages of this origin may read answers."""
        return origin in self._origins

    def _check_origin(self, client: Client, request: Request) -> None:
        origin = request.headers.get("origin")
        if origin is None or client.kind != "browser" or origin in client.origins or _is_own(origin, request):
            return
        self._metrics.count(client.name, "origin")
        detail = f"pages of {origin[:200]!r} may not use this key: the operator adds it to the client's origins"
        raise Problem(403, "origin", "Not allowed", detail)

    def _check_rate(self, client: Client, request: Request) -> None:
        if client.limit is None:
            return
        wait = client.limit.take(address_of(request), self._clock.monotonic())
        if wait:
            self._metrics.count(client.name, "rate_limited")
            seconds = max(1, ceil(wait))
            detail = f"the client {client.name} asks more often than it may; try again in {seconds} s"
            raise Problem(429, "rate-limited", "Too Many Requests", detail, retry_after=seconds)

    def _look(self, path: Path) -> None:
        now = self._clock.monotonic()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        if any(stamp is None or stamp != _stamp(file) for file, stamp in self._stamps.items()):
            try:
                self._read(path)
            except ConfigurationError as error:
                # Once for each change of the file.
                stamps = {file: _stamp(file) for file in self._stamps}
                if stamps != self._stamps:
                    _log.error("clients can't be used; those before count on", extra={"reason": str(error)})
                self._stamps = stamps
                self._metrics.show_usable(False)

    def _read(self, path: Path) -> None:
        before = _stamp(path)
        clients, files = read_clients(path, self._clock.monotonic())
        self._clients = clients
        self._origins = frozenset().union(*(client.origins for client in clients.values()))
        self._stamps = {file: _settled(_stamp(file)) for file in files}
        if before != _stamp(path):
            self._stamps[path] = None
        self._metrics.show_usable(True)
        _log.info("clients read", extra={"clients": len({client.name for client in clients.values()})})


def _key_of(request: Request) -> bytes | None:
    authorization = request.headers.get("authorization")
    if authorization is None:
        key = request.headers.get("x-api-key", "")
    else:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
    return key.strip().encode("latin-1", "replace") or None


def address_of(request: Request) -> str:
    """Where a request comes from; empty where that isn't known."""
    return request.client.host if request.client is not None else ""


def _is_own(origin: str, request: Request) -> bool:
    return urlsplit(origin).netloc == request.headers.get("host")


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path)
    except OSError:
        return None


def _settled(stamp: Stamp | None) -> Stamp | None:
    return stamp if stamp is not None and is_settled(stamp) else None


def _unauthorized(kind: str, detail: str) -> Problem:
    return Problem(401, kind, "Not known who asks", detail, headers={"WWW-Authenticate": "Bearer"})
