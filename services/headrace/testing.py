"""Fakes that plug into the same seams as the real clients, and ways to wait in a test."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from headrace.errors import DeliveryError
from headrace.kafka import OnDelivery
from headrace.streams.driver import TopologyDriver
from headrace.streams.memory import MemoryKafka, MemoryLogs, MemoryTransactions
from headrace.streams.task import OnStep

__all__ = [
    "FakeClock",
    "FakeProducer",
    "MemoryKafka",
    "MemoryLogs",
    "MemoryTransactions",
    "Produced",
    "TopologyDriver",
    "kill_at",
    "wait_until",
]
T = TypeVar("T")


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us
        self._monotonic = 0.0

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Moves both clocks."""
        self._now_us += round(seconds * 1_000_000)
        self._monotonic += seconds


@dataclass
class Produced:
    """A record that a fake producer was given."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: dict[str, bytes]


@dataclass
class FakeProducer:
    """Keeps what it is given. `failing` makes deliveries fail, `stalled` holds the reports back."""

    records: list[Produced] = field(default_factory=list)
    failing: bool = False
    stalled: bool = False
    _waiting: list[OnDelivery] = field(default_factory=list)

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        on_delivery: OnDelivery | None = None,
    ) -> None:
        self.records.append(Produced(topic, value, key, dict(headers)))
        if on_delivery:
            self._waiting.append(on_delivery)

    def poll(self, timeout: float = 0.0) -> int:
        if self.stalled:
            return 0
        reports, self._waiting = self._waiting, []
        for report in reports:
            report(RuntimeError("delivery failed") if self.failing else None, None)  # type: ignore[arg-type]  # librdkafka's own objects cannot be made here
        return len(reports)

    def flush(self, timeout: float) -> None:
        self.poll()
        if self.failing or self._waiting:
            raise DeliveryError(len(self._waiting), ["delivery failed"] if self.failing else [])

    def of_topic(self, topic: str) -> list[Produced]:
        """The records of one topic, in order."""
        return [record for record in self.records if record.topic == topic]


def kill_at(step: str, count: int, number: int = signal.SIGKILL) -> OnStep:
    """An `on_step` that sends this process a signal, by default to end without a word."""
    left = count

    def on_step(name: str) -> None:
        nonlocal left
        left -= name == step
        if name == step and left == 0:
            os.kill(os.getpid(), number)

    return on_step


def wait_until(condition: Callable[[], T], what: str, timeout: float = 30.0, every: float = 0.05) -> T:
    """Waits until `condition` gives something true, and returns it.

    Raises:
        TimeoutError: it did not within `timeout` seconds; names what was waited for and the last value or error.
    """
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            result = condition()
            if result:
                return result
            last = result
        except Exception as error:
            last = error
        time.sleep(every)
    raise TimeoutError(f"waited {timeout} s for {what}; last seen: {last!r}")
