"""Runs one engine's process on the standard job and takes its figures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from deploy.local.paths import PROJECT
from deploy.local.stack import Stack
from loadtest import cpu

_TIMEOUT_S = 600.0
_KAFKA = "kafka"


class RunFailed(Exception):
    """A process ended without figures; says where its log is."""


@dataclass(frozen=True)
class Outcome:
    """What one process did.

    Attributes:
        seconds, cpu_s: wall and CPU time between its first and its last reading, or the commit of this.
        whole_cpu_s: CPU time of the process from its start to its end, by the kernel's account.
        kafka_cpu_s: CPU time of the broker meanwhile.
        details: all that the process said.
    """

    readings: int
    seconds: float
    cpu_s: float
    whole_cpu_s: float
    kafka_cpu_s: float
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Readings a second."""
        return self.readings / self.seconds

    def figures(self) -> dict[str, float]:
        """Per second and per million readings."""
        millions = self.readings / 1e6
        return {
            "readings_per_second": self.rate,
            "cpu_seconds_per_million": self.cpu_s / millions,
            "cpu_seconds_per_million_with_start": self.whole_cpu_s / millions,
            "kafka_cpu_seconds_per_million": self.kafka_cpu_s / millions,
        }


class Child:
    """A process that prints a line of JSON at its end; killed when `finish` waits longer than a limit."""

    def __init__(
        self, command: Sequence[str], log: Path, folder: Path = PROJECT, environment: Mapping[str, str] | None = None
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._name = f"{Path(command[0]).name} (log {log})"
        paths = os.pathsep.join(str(PROJECT / name) for name in ("services", ""))
        variables = {**os.environ, "PYTHONPATH": paths, **(environment or {})}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, cwd=folder, env=variables, text=True
            )
        self._output = cast(IO[str], self._process.stdout)

    def terminate(self) -> None:
        """Asks the process to end."""
        self._process.send_signal(signal.SIGTERM)

    def finish(self, timeout: float = _TIMEOUT_S) -> tuple[dict[str, Any], float]:
        """What the process said, and the CPU seconds of its life.

        Raises:
            RunFailed: it said nothing, or had to be killed.
        """
        killer = threading.Timer(timeout, self._process.kill)
        killer.start()
        try:
            with self._output:
                # Faust's terminal codes may come before it on its line.
                said = [line[line.index("{") :] for line in self._output if "{" in line]
            _, status, usage = os.wait4(self._process.pid, 0)
        finally:
            killer.cancel()
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if not said:
            raise RunFailed(f"{self._name} ended with {self._process.returncode} and said nothing")
        found: dict[str, Any] = json.loads(said[-1])
        return found, usage.ru_utime + usage.ru_stime


def run(
    stack: Stack,
    name: str,
    command: Sequence[str],
    folder: Path = PROJECT,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Runs a process to its end."""
    before = cpu.cpu_seconds(stack, [_KAFKA])
    said, whole = Child(command, stack.layout.log(name), folder, environment).finish()
    spent = cpu.used(before, cpu.cpu_seconds(stack, [_KAFKA]))[_KAFKA]
    return Outcome(said["readings"], said["seconds"], said["cpu_seconds"], whole, spent, said)
