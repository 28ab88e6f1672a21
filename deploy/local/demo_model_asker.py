"""Asks the demo's model about every meter each second, and tells the API what came of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.local.demo_api import ApiClient
from deploy.local.demo_meter_rows import MeterRows
from deploy.local.demo_model_state import ModelShown, VersionShown

_EVERY_S = 1.0
_BEHIND_US = 1_000_000
"""How long before the newest reading a row is: readings of other partitions are there by then."""
_LATE_US = 1_000_000
"""How long after its horizon an outcome is told."""
_LAST = "last"
"""The feature with a meter's last value, which is what one would say without a model."""
_OK, _TAKEN = 200, 202


@dataclass(frozen=True)
class _Asked:
    id: str
    device: str
    cut: int
    value: float
    last: float
    version: VersionShown


class Asker:
    """Asks, and keeps the account in `shown`.

    Args:
        lock: of `rows`, which another thread fills.
    """

    def __init__(self, api: ApiClient, rows: MeterRows, lock: threading.Lock, shown: ModelShown) -> None:
        self._api = api
        self._rows = rows
        self._lock = lock
        self._shown = shown
        self._open: deque[_Asked] = deque()
        self._answering: int | None = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop`: a look at which version runs, a question about each meter spread over the second, outcomes."""
        while not stop.is_set():
            begin = time.monotonic()
            if self.look():
                self._round(stop, begin)
            stop.wait(max(0.0, begin + _EVERY_S - time.monotonic()))

    def look(self) -> bool:
        """Whether a version answers; notes which and what it is."""
        status, found = self._api.get(f"/v1/models/{self._shown.name}")
        running = found["model"]["versions"] if status == _OK else []
        known = {version.number: version for version in self._shown.versions}
        for row in running:
            version = known.get(row["version"]) or _version(row)
            version.role = row["role"]
            if version.number not in known:
                self._shown.versions.append(version)
        for number in known.keys() - {row["version"] for row in running}:
            known[number].role = "before" if running else known[number].role
        return any(row["role"] == "champion" for row in running)

    def ask(self, device: str) -> None:
        """One question about one meter, as of just now."""
        with self._lock:
            cut = (self._rows.newest or 0) - _BEHIND_US
            row = self._rows.row(device, cut)
        if row is None:
            return
        status, answer = self._api.post(f"/v1/models/{self._shown.name}/predict", row)
        if status != _OK:
            self._shown.failed += 1
            return
        self._count(answer, device, cut, row[_LAST] or 0.0)

    def settle(self) -> None:
        """Tells the outcomes that are known now."""
        come: list[tuple[_Asked, float]] = []
        with self._lock:
            newest = self._rows.newest or 0
            while self._open and self._open[0].cut + self._rows.horizon + _LATE_US <= newest:
                asked = self._open.popleft()
                label = self._rows.outcome(asked.device, asked.cut)
                if label is not None:
                    come.append((asked, label))
        if not come:
            return
        told = [{"id": asked.id, "model": self._shown.name, "label": label} for asked, label in come]
        status, _ = self._api.post("/v1/outcomes", {"outcomes": told})
        self._shown.failed += status != _TAKEN
        for asked, label in come:
            asked.version.settled += 1
            asked.version.error_sum += abs(asked.value - label)
            asked.version.last_error_sum += abs(asked.last - label)

    def _round(self, stop: threading.Event, begin: float) -> None:
        with self._lock:
            devices = self._rows.devices()
        answers = self._shown.answers
        for number, device in enumerate(devices):
            self.ask(device)
            if stop.wait(max(0.0, begin + (number + 1) / (len(devices) + 1) * _EVERY_S - time.monotonic())):
                return
        self.settle()
        self._shown.rate = (self._shown.answers - answers) / max(_EVERY_S, time.monotonic() - begin)

    def _count(self, answer: dict[str, Any], device: str, cut: int, last: float) -> None:
        number = answer["version"]
        version = next((each for each in self._shown.versions if each.number == number), None)
        if version is None:
            # Swapped since the last look.
            self.look()
            version = next(each for each in self._shown.versions if each.number == number)
        if self._answering not in (None, number):
            self._shown.swap = f"version {self._answering} → {number}"
        self._answering = number
        self._shown.answers += 1
        version.answers += 1
        self._open.append(_Asked(answer["id"], device, cut, answer["value"], last, version))


def _version(row: dict[str, Any]) -> VersionShown:
    created = datetime.fromisoformat(row["created"])
    return VersionShown(
        number=row["version"],
        algorithm=row["algorithm"],
        created=round(created.timestamp() * 1e6),
        rows=row["data_rows"],
        error=row["metrics"].get("hold_out_mae"),
    )
