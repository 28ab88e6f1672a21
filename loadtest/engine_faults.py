"""Fault runs of the stream engine: workers killed at every step of a checkpoint, Kafka killed, workers come and go.

`python -m loadtest.engine_faults --seeds 30` runs all and writes results/engine_faults.json. After every run all that
was sent since the first is computed again in plain Python (`engine_check`) and compared with what is in Kafka.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.crash import EXIT_CRASHED
from headrace.kafka import client_config, consumer_config
from headrace.testing import wait_until
from loadtest import results
from loadtest.engine_check import Found, differences, expected_of
from loadtest.engine_load import Load, Readings
from loadtest.engine_worker import STEPS, Job

KAFKA = "kafka"
TARGETS = (*STEPS, KAFKA)
PARTITIONS = 4
_CHUNK = 500
"""Readings that are sent at a time while a run waits for its kill."""
_KILL_S = 60.0
_QUIET_S = 180.0
_TOGGLE_S = 3.0


@dataclass(frozen=True)
class Plan:
    """One kill, of a worker at the `count`-th time of a step or of Kafka `count` chunks of readings after the start.

    Attributes:
        with_another: whether a second worker runs, so that the killed one has part of the partitions.
    """

    seed: int
    target: str
    count: int
    with_another: bool

    @classmethod
    def of(cls, seed: int) -> Plan:
        """The plan of a seed; targets take turns."""
        own = random.Random(seed)
        target = TARGETS[seed % len(TARGETS)]
        most = PARTITIONS if target in ("taking over", "restoring") else 12
        with_another = own.random() < 0.5
        # Of what each task does once, a worker that shares the partitions does half.
        return cls(seed, target, own.randint(1, most // 2 if with_another else most), with_another)


@dataclass(frozen=True)
class Outcome:
    """What a kill run showed.

    Attributes:
        resumed_s: from the kill to the next output that a reader of committed records saw.
        sent, seen: readings and outputs since the first run.
        crashes: workers that ended by themselves, as the outcome of a commit was unknown to them.
    """

    plan: Plan
    sent: int
    seen: int
    resumed_s: float
    crashes: int
    differences: dict[str, int]

    @property
    def passed(self) -> bool:
        return not self.differences


@dataclass(frozen=True)
class Churn:
    """What workers that join and leave for a while showed."""

    seed: int
    seconds: float
    joined: int
    left: int
    sent: int
    seen: int
    differences: dict[str, int]

    @property
    def passed(self) -> bool:
        return not self.differences


@dataclass
class EngineRuns:
    """Runs one after the other on the same topics and group; every check is of all since the first.

    Args:
        folder: for the workers' log.
        seed: of the readings.
    """

    stack: Stack
    folder: Path
    seed: int
    job: Job = field(init=False)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    crashes: int = 0

    def __post_init__(self) -> None:
        self.job = Job(self.stack.brokers, f"engine-faults-{self.seed}-{time.time_ns()}")
        _make_topics(self.job)
        self.readings = Readings(self.seed)
        self.load = Load(self.job.brokers, self.job.topics["readings"], self.readings)
        self._found = Found()
        self._reader = Consumer(consumer_config(self.job.brokers, "checks-are-in-no-group"))
        self._what = {self.job.topics[what]: what for what in ("windows", "anomalies", "late")}
        self._reader.assign([TopicPartition(topic, n, 0) for topic in self._what for n in range(PARTITIONS)])

    def run(self, plan: Plan) -> Outcome:
        """Kills as planned while readings are sent, lets the survivors finish, and checks."""
        crashes = self.crashes
        if plan.with_another or plan.target == KAFKA:
            self.start()
        resumed_s = self._kill_kafka(plan) if plan.target == KAFKA else self._kill_worker(plan)
        self.load.send(_CHUNK)
        found = self.check()
        self.end_all()
        return Outcome(plan, len(self.readings.log), len(self._found), resumed_s, self.crashes - crashes, found)

    def churn(self, seconds: float) -> Churn:
        """Two workers, of which one or the other joins or leaves every three seconds, while readings are sent."""
        chance, end = random.Random(self.seed), time.monotonic() + seconds
        joined = left = 0
        while time.monotonic() < end:
            if len(self.workers) == 2 or (self.workers and chance.random() < 0.5):
                self.end(chance.choice(self.workers))
                left += 1
            else:
                self.start()
                joined += 1
            turn = time.monotonic() + _TOGGLE_S
            while time.monotonic() < turn:
                self.load.send(_CHUNK)
                self._read()
        if not self.workers:
            self.start()
        found = self.check()
        self.end_all()
        return Churn(self.seed, seconds, joined, left, len(self.readings.log), len(self._found), found)

    def check(self) -> dict[str, int]:
        """Waits until there are as many outputs as there must be, and compares them all; starts a worker that ended."""
        expected = expected_of(self.readings.log)

        def is_complete() -> bool:
            self._replace_ended()
            return self._read() >= len(expected)

        # What is still missing then is what the comparison counts.
        with suppress(TimeoutError):
            wait_until(is_complete, f"{len(expected)} outputs", _QUIET_S, every=0.0)
        while self._read_some():
            pass
        return differences(expected, self._found)

    def start(self, step: str = "", count: int = 1) -> subprocess.Popen[bytes]:
        """Starts a worker, which kills itself where a step is named."""
        job = msgspec.structs.replace(self.job, step=step, count=count)
        command = [sys.executable, "-m", "loadtest.engine_worker", msgspec.json.encode(job).decode()]
        with (self.folder / "engine-worker.log").open("ab") as log:
            worker = subprocess.Popen(command, stdout=log, stderr=log)
        if not step:
            self.workers.append(worker)
        return worker

    def end(self, worker: subprocess.Popen[bytes]) -> None:
        """Lets a worker end as it does when it is told to."""
        worker.terminate()
        self.workers.remove(worker)
        status = worker.wait(_KILL_S)
        self.crashes += status != 0

    def end_all(self) -> None:
        """Ends all workers."""
        for worker in list(self.workers):
            self.end(worker)

    def close(self) -> None:
        """Kills what is left."""
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self._reader.close()

    def _kill_worker(self, plan: Plan) -> float:
        victim = self.start(plan.target, plan.count)
        try:
            self._send_until(lambda: victim.poll() is not None, f"{plan.target} {plan.count} times")
        finally:
            victim.kill()
        if victim.wait() != -signal.SIGKILL:
            raise RuntimeError(f"the worker ended with {victim.returncode} before it came to its step")
        killed = time.monotonic()
        if not plan.with_another:
            self.start()
        return self._resumed(killed)

    def _kill_kafka(self, plan: Plan) -> float:
        before = len(self._found)
        self._send_until(lambda: self._read() > before, "outputs")
        for _ in range(plan.count):
            self.load.send(_CHUNK)
        self.stack.kill(KAFKA)
        killed = time.monotonic()
        self.stack.up(KAFKA)
        return self._resumed(killed)

    def _resumed(self, since: float) -> float:
        before = len(self._found) + self._read_some()
        self._send_until(lambda: self._read() > before, "outputs after the kill")
        return round(time.monotonic() - since, 1)

    def _send_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _QUIET_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {_QUIET_S} s for {what}")
            self._replace_ended()
            self.load.send(_CHUNK)

    def _replace_ended(self) -> None:
        for worker in [one for one in self.workers if one.poll() is not None]:
            if worker.returncode != EXIT_CRASHED:
                raise RuntimeError(f"a worker ended with {worker.returncode}; see {self.folder}")
            self.crashes += 1
            self.workers.remove(worker)
            self.start()

    def _read(self) -> int:
        """Takes outputs that are there; returns how many were seen so far."""
        self._read_some()
        return len(self._found)

    def _read_some(self) -> int:
        messages = [one for one in self._reader.consume(10_000, 0.2) if one.error() is None]
        for message in messages:
            self._found.add(self._what[str(message.topic())], message.value() or b"")
        return len(messages)


def _make_topics(job: Job) -> None:
    topics = [
        NewTopic(name, PARTITIONS, 1, config={"cleanup.policy": "compact"} if what == "changelog" else {})
        for what, name in job.topics.items()
    ]
    admin = AdminClient(client_config(job.brokers))
    for future in admin.create_topics(topics).values():
        future.result()


@contextmanager
def engine_runs(stack: Stack, folder: Path, seed: int) -> Iterator[EngineRuns]:
    """Runs whose workers are dead afterwards."""
    runs = EngineRuns(stack, folder, seed)
    try:
        yield runs
    finally:
        runs.close()


def main() -> None:
    """Runs, prints a line each, and writes results/engine_faults.json; ends with 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30, help="how many kills (30)")
    parser.add_argument("--first-seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--churn", type=float, default=120, help="seconds of workers that join and leave (120)")
    chosen = parser.parse_args()
    with temporary_stack() as stack:
        stack.up(KAFKA)
        with engine_runs(stack, stack.layout.root, chosen.first_seed) as runs:
            kills = []
            for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
                kills.append(runs.run(Plan.of(seed)))
                print(described(kills[-1]), flush=True)
        with engine_runs(stack, stack.layout.root, chosen.first_seed) as runs:
            churn = runs.churn(chosen.churn)
            print(churn, flush=True)
    rerun = f"python -m loadtest.engine_faults --seeds {chosen.seeds} --churn {chosen.churn:g}"
    print(f"written to {results.write('engine_faults', rerun, figures_of(kills, churn))}")
    sys.exit(not (churn.passed and all(kill.passed for kill in kills)))


def described(outcome: Outcome) -> str:
    """A run in a line."""
    plan = outcome.plan
    where = f"at {plan.target!r}, time {plan.count}" if plan.target != KAFKA else f"Kafka after {plan.count} chunks"
    beside = " beside another worker" if plan.with_another else ""
    verdict = outcome.differences or f"all {outcome.seen} outputs of {outcome.sent} readings are right"
    return f"seed {plan.seed}: killed {where}{beside}, resumed after {outcome.resumed_s} s: {verdict}"


def figures_of(kills: Sequence[Outcome], churn: Churn) -> dict[str, object]:
    """The results file's figures."""
    # Another worker goes on with its own partitions, so what is seen then says nothing of the killed one's.
    alone = [kill.resumed_s for kill in kills if kill.plan.target != KAFKA and not kill.plan.with_another]
    return {
        "about": "SIGKILL of a worker of the standard job at a step of a checkpoint, or of Kafka, while readings flow; "
        "then every window emission, anomaly and late reading since the first run is compared with a plain "
        "recomputation from the generator's log",
        "passed": churn.passed and all(kill.passed for kill in kills),
        "resumed_s_after_the_only_worker_was_killed": results.spread(alone) if alone else None,
        "kills": [{**asdict(kill.plan), **{k: v for k, v in asdict(kill).items() if k != "plan"}} for kill in kills],
        "join_and_leave": asdict(churn),
    }


if __name__ == "__main__":
    main()
