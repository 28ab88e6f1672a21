"""A worker of the standard job that kills itself at a step of a checkpoint, for the engine's fault runs.

Usage: python -m loadtest.engine_worker JSON, the fields of `Job`.
"""

from __future__ import annotations

import sys

import msgspec

from headrace.logs import configure_logs
from headrace.streams.topology import Stage, Topology
from headrace.streams.worker import build_worker, kafka_engine, run_worker
from headrace.testing import kill_at
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
    engine = kafka_engine(job.brokers, Topology(job.name, (stage,)), on_step=kill_at(job.step, job.count))
    return run_worker(build_worker(job.brokers, engine))


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(sys.argv[1], type=Job)))
