"""A worker of the standard job that kills itself at a step of a checkpoint, for the engine's fault runs.

Usage: python -m loadtest.engine_worker JSON, the fields of `Job`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import msgspec

from headrace.clock import SystemClock
from headrace.logs import configure_logs
from headrace.streams.changelog import KafkaLogs
from headrace.streams.engine import Engine
from headrace.streams.topology import Stage, Topology
from headrace.streams.transaction import KafkaTransactions
from headrace.streams.worker import build_worker, crash, run_worker
from loadtest.standard_job import StandardJob, Topics

STEPS = ("taking over", "restoring", "processed", "preparing", "prepared", "committing", "committed")
LATENESS_US = 20_000_000
_NEVER_US = 1 << 60


class Job(msgspec.Struct, frozen=True):
    """What a worker does.

    Attributes:
        name: consumer group and first part of its topics' names.
        step, count: the worker kills itself when this step of a checkpoint comes for the `count`-th time.
    """

    brokers: str
    name: str
    step: str = ""
    count: int = 1

    @property
    def topics(self) -> dict[str, str]:
        """Full names by what they hold."""
        return {what: f"{self.name}.{what}" for what in ("readings", "windows", "anomalies", "late", "changelog")}


def kill_at(step: str, count: int) -> Callable[[str], None]:
    """An `on_step` that ends this process as a power cut would."""
    left = count

    def on_step(name: str) -> None:
        nonlocal left
        left -= name == step
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_step


def main(job: Job) -> int:
    """Runs until SIGTERM or the step; returns the exit status."""
    configure_logs(job.name, "INFO")
    topics = job.topics
    outputs = Topics(topics["windows"], topics["anomalies"], topics["late"])
    # What a silent device leads to depends on the wall clock, so nobody could compute it again.
    rules = StandardJob(outputs, LATENESS_US, quiet_us=_NEVER_US)
    stage = Stage(
        "job", (topics["readings"],), rules, (outputs.windows, outputs.anomalies, outputs.late), topics["changelog"]
    )
    engine = Engine(
        Topology(job.name, (stage,)),
        lambda name: KafkaTransactions(job.brokers, name),
        KafkaLogs(job.brokers),
        SystemClock(),
        crash,
        on_step=kill_at(job.step, job.count),
    )
    return run_worker(build_worker(job.brokers, engine))


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(sys.argv[1], type=Job)))
