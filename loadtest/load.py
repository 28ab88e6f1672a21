"""One measured load on a running stack: what was sent, how long until all of it was through, and whose CPU it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from deploy.local.paths import PROJECT
from deploy.local.scrape import scrape
from deploy.local.stack import SERVICES, Stack
from headrace.testing import wait_until
from loadtest.cpu import cpu_seconds, machine_seconds, used
from loadtest.quantiles import difference, quantile

GENERATOR = "generator"
MEASURED = ("mosquitto", "kafka", "cassandra", *SERVICES)
_LATENCY = "headrace_device_to_store_seconds_bucket"
_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Load:
    """A load and what it did.

    Attributes:
        rate: messages a second that were asked for; 0 for as many as go.
        sent_s: seconds from the first message to the broker's last PUBACK.
        through_s: seconds from the first message until the last one was through.
        cpu_s: CPU seconds by process in that time.
        others_s: CPU seconds of everything else on the machine; much of it spoils the figures.
        latency_s: p50 and p99 from the device's time to the store, where the sink ran.
    """

    rate: float
    messages: int
    sent_s: float
    through_s: float
    cpu_s: Mapping[str, float]
    others_s: float
    latency_s: Mapping[str, float]

    @property
    def messages_per_s(self) -> float:
        return self.messages / self.through_s

    @property
    def behind_s(self) -> float:
        """How long the pipeline needed for what was left when the last message was sent."""
        return self.through_s - self.sent_s

    def cpu_us(self, name: str) -> float:
        """CPU µs per message of a process."""
        return self.cpu_s.get(name, 0.0) / self.messages * 1e6

    @property
    def cores(self) -> float:
        """How many cores all processes together kept busy."""
        return sum(self.cpu_s.values()) / self.through_s

    @property
    def other_cores(self) -> float:
        """How many cores something else kept busy meanwhile."""
        return max(0.0, self.others_s) / self.through_s


def run_load(stack: Stack, rate: float, messages: int, is_through: Callable[[], bool]) -> Load:
    """Sends `messages` from 1,000 devices and returns when `is_through` says that the last is through."""
    running = [name for name in MEASURED if stack.is_running(name)]
    cpu, everything, latency = cpu_seconds(stack, running), machine_seconds(), _latency_buckets(stack)
    sent = _generate(stack, rate, messages)
    wait_until(lambda: is_through() or _ended(stack, running), f"{messages} messages through", _TIMEOUT_S, every=0.2)
    through = time.monotonic()
    if ended := _ended(stack, running):
        raise RuntimeError(f"{ended} ended under load:\n{stack.log_tail(ended)}")
    used_s = {**used(cpu, cpu_seconds(stack, running)), GENERATOR: sent["cpu_seconds"]}
    others_s = machine_seconds() - everything - sum(used_s.values())
    observed = difference(latency, _latency_buckets(stack))
    quantiles = {name: round(quantile(share, observed), 4) for name, share in (("p50", 0.5), ("p99", 0.99)) if observed}
    return Load(rate, messages, sent["seconds"], through - sent["started"], used_s, others_s, quantiles)


def _ended(stack: Stack, names: Iterable[str]) -> str | None:
    return next((name for name in names if not stack.is_running(name)), None)


def _generate(stack: Stack, rate: float, messages: int) -> dict[str, float]:
    command = [sys.executable, "-m", "loadtest.devices.steady", "--host", stack.host, "--port", str(stack.ports.mqtt)]
    command += ["--rate", str(rate), "--count", str(messages)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "services")))}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=_TIMEOUT_S)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _latency_buckets(stack: Stack) -> dict[float, float]:
    """The sink's histogram from device time to stored time; empty where it does not run."""
    samples = scrape(stack.url("sink_cassandra")) if stack.is_running("sink_cassandra") else None
    found = samples.by(_LATENCY, "le") if samples else {}
    return {float(bound): count for bound, count in found.items()}
