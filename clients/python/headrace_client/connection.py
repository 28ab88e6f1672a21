"""One kept connection pool to the API, whose problem documents become errors."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from headrace_client.errors import HeadraceError

TIMEOUT_S = 15.0
SILENCE_S = 60.0
"""Of a live stream, on which the API sends a heartbeat every 15 s."""
_SLOWEST_S = 30.0
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_TRIES = 3

Token = str | Callable[[], str] | None
Query = Mapping[str, str | int | float | bool | None]


class Connection:
    """May be used by several threads."""

    def __init__(self, url: str, key: str | None, token: Token) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S)
        self._token = token

    def close(self) -> None:
        self._client.close()

    def send(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """One try, with a body of JSON if there is one.

        Raises:
            HeadraceError: the API refused it.
            httpx.TransportError: it gave no answer.
        """
        headers = self._headers() if body is None else {**self._headers(), "Content-Type": "application/json"}
        answer = self._client.request(method, path, content=body, headers=headers)
        _check(answer)
        found: dict[str, Any] = answer.json()
        return found

    def ask(self, path: str, query: Query, method: str = "GET") -> dict[str, Any]:
        """Three tries, where it may be answered later.

        Raises:
            HeadraceError: the API refused it.
            httpx.TransportError: it gave no answer.
        """
        asked = httpx.QueryParams({name: value for name, value in query.items() if value is not None})
        whole = f"{path}?{asked}" if asked else path
        for tries in range(_TRIES - 1):
            try:
                return self.send(method, whole)
            except HeadraceError as error:
                if not is_passing(error):
                    raise
                time.sleep(back_off(tries, error.retry_after))
            except httpx.TransportError:
                time.sleep(back_off(tries))
        return self.send(method, whole)

    @contextmanager
    def lines(self, path: str, query: Query) -> Iterator[Iterator[str]]:
        """The lines of a stream, until it ends or the block does.

        Raises:
            HeadraceError: the API refused it.
            httpx.TransportError: it gave no answer, or the stream broke off.
        """
        asked = {name: value for name, value in query.items() if value is not None}
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENCE_S)
        with self._client.stream("GET", path, params=asked, headers=self._headers(), timeout=timeout) as answer:
            if answer.is_error:
                answer.read()
            _check(answer)
            yield answer.iter_lines()

    def _headers(self) -> dict[str, str]:
        token = self._token() if callable(self._token) else self._token
        return {} if token is None else {"X-User-Token": token}


def is_passing(error: HeadraceError) -> bool:
    """Whether the same request may be answered later."""
    return error.status in _LATER


def back_off(tries: int, least: float = 0.0) -> float:
    """Seconds to wait: doubled with each try, up to half of it by chance, and not less than was asked for."""
    longest = min(_SLOWEST_S, 0.5 * 2.0 ** min(tries, 10))
    return max(least, longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads clients, hides nothing


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    after = answer.headers.get("retry-after", "")
    found = problem if isinstance(problem, dict) else {}
    raise HeadraceError(answer.status_code, found, float(after) if after.isdecimal() else 0.0)
