"""The API as the demo's client uses it: JSON over one kept connection, and the live feed of readings."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

_TIMEOUT_S = 10.0
AWAY = 0
"""In place of a status where nobody answered."""


class ApiClient:
    """One connection, made again after it broke; for one thread."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)

    def get(self, path: str) -> tuple[int, Any]:
        """Status and body; `AWAY` and None where nobody answers."""
        return self._call("GET", path, None)

    def post(self, path: str, body: object) -> tuple[int, Any]:
        """As `get`."""
        return self._call("POST", path, json.dumps(body).encode())

    def close(self) -> None:
        self._connection.close()

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body, headers)
            with self._connection.getresponse() as answer:
                return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            self._connection.close()
            return AWAY, None


def live_readings(url: str, metric: str) -> Iterator[tuple[str, int, float]]:
    """Device, time (µs since 1970) and value of each reading from now on; ends when the API does.

    Raises:
        OSError: nobody answers any more.
        HTTPException: the answer broke off.
    """
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S * 3)
    try:
        connection.request("GET", f"/v1/live/readings?metric={quote(metric, safe='')}")
        answer = connection.getresponse()
        event = b""
        while line := answer.readline():
            name, _, data = line.strip().partition(b": ")
            if name == b"event":
                event = data
            elif name == b"data" and event == b"reading":
                yield _reading(json.loads(data))
    finally:
        connection.close()


def _reading(row: dict[str, Any]) -> tuple[str, int, float]:
    # A float of seconds would lose microseconds.
    moment = datetime.fromisoformat(row["time"])
    return row["device"], int(moment.timestamp()) * 1_000_000 + moment.microsecond, float(row["value"])
