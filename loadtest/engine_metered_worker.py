"""One worker of Headrace's engine on the standard job: `python -m loadtest.engine_metered_worker --help`.

At its end it prints a line of JSON as the peers do, with the engine's own counts.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from typing import Any

import psutil

from headrace.logs import configure_logs
from headrace.streams.batch import Batch, OutRecord
from headrace.streams.engine import Engine
from headrace.streams.topology import Stage, Topology
from headrace.streams.worker import build_worker, kafka_engine, run_worker
from loadtest.engine_profile import Sampler
from loadtest.standard_job import JobState, StandardJob, Topics

STAGE = "job"
_LOOK_EVERY_S = 0.02


def topics_of(run: str) -> Topics:
    """The topics that a run writes, besides its changelog."""
    return Topics(f"{run}-windows", f"{run}-anomalies", f"{run}-late")


def changelog_of(run: str) -> str:
    """The changelog of a run."""
    return f"{run}-changelog"


class MeteredJob(StandardJob):
    """The job, which notes when its first batch came."""

    begin = begin_cpu = 0.0
    batches = 0

    def process(self, state: JobState, batch: Batch) -> list[OutRecord]:
        if not self.batches:
            self.begin, self.begin_cpu = time.perf_counter(), time.process_time()
        self.batches += 1
        return super().process(state, batch)


class Meter:
    """Notes what is committed when, and asks the process to end when it has done what it is for.

    Args:
        readings: how many are to be committed; 0 for no end.
        only_recover: end when all tasks have their state.
    """

    def __init__(self, job: MeteredJob, engine: Engine, readings: int, only_recover: bool) -> None:
        self._job = job
        self._engine = engine
        self._readings = readings
        self._only_recover = only_recover
        self._started = time.perf_counter()
        self._recovered: dict[str, float] = {}
        self._committed = 0
        self._end = self._end_cpu = 0.0

    def look(self) -> None:
        """Called every few milliseconds on the event loop."""
        positions = self._engine.committed()
        if positions and not self._recovered and self._engine.is_recovered():
            self._note_recovery()
        committed = sum(positions.values())
        if committed != self._committed:
            self._committed = committed
            self._end, self._end_cpu = time.perf_counter(), time.process_time()
            if 0 < self._readings <= committed:
                os.kill(os.getpid(), signal.SIGTERM)

    def _note_recovery(self) -> None:
        self._recovered = {
            "recovered_s": time.perf_counter() - self._started,
            "recovered_rss_bytes": psutil.Process().memory_info().rss,
            "keys": self._engine.state_keys().get(STAGE, 0),
        }
        if self._only_recover:
            os.kill(os.getpid(), signal.SIGTERM)

    def figures(self) -> dict[str, Any]:
        """What the process did between its first batch and its last commit."""
        job, progress = self._job, asdict(self._engine.progress)
        return {
            "readings": job.counts.received,
            "seconds": self._end - job.begin,
            "cpu_seconds": self._end_cpu - job.begin_cpu,
            "batches": job.batches,
            "rss_bytes": psutil.Process().memory_info().rss,
            "counts": asdict(job.counts),
            "engine": {name: value for name, value in progress.items() if isinstance(value, int | float)},
            **self._recovered,
        }


def run(options: argparse.Namespace) -> int:
    """Runs a worker, prints its figures at its end, and returns its exit status."""
    topics = topics_of(options.run)
    job = MeteredJob(topics, int(options.lateness_s * 1e6))
    outputs = (topics.windows, topics.anomalies, topics.late)
    stage = Stage(STAGE, (options.input,), job, outputs, changelog_of(options.run))
    engine = kafka_engine(options.brokers, Topology(options.run, (stage,)))
    app = build_worker(options.brokers, engine, broker_max_poll_records=options.poll_records)
    meter = Meter(job, engine, options.readings, options.only_recover)
    sampler = Sampler() if options.profile else None

    @app.timer(interval=_LOOK_EVERY_S)  # type: ignore[untyped-decorator]  # Faust does not type it
    async def look() -> None:
        if sampler and not job.batches:
            sampler.reset()
        meter.look()

    status = run_worker(app)
    print(json.dumps({**meter.figures(), **({"profile": sampler.shares()} if sampler else {})}), flush=True)
    return status


def main() -> int:
    """Runs until a signal, or until it has done what the options say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("brokers", help="Kafka bootstrap servers")
    parser.add_argument("input", help="topic of the readings")
    parser.add_argument("run", help="consumer group, and the first part of the names of what it writes")
    parser.add_argument("--readings", type=int, default=0, help="end after so many are committed (0: at a signal)")
    parser.add_argument("--only-recover", action="store_true", help="end when all tasks have their state")
    parser.add_argument("--lateness-s", type=float, default=0.0, help="allowed lateness in seconds (0, as the peers)")
    parser.add_argument("--poll-records", type=int, default=8_000, help="most records of a fetch (8000)")
    parser.add_argument("--profile", action="store_true", help="sample where the time goes")
    configure_logs("engine_metered_worker", "WARNING")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
