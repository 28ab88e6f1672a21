"""The engines that do the standard job, Headrace's among them, and how each is started."""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.stack import Stack
from loadtest import engine_run
from loadtest.engine_metered_worker import changelog_of, topics_of
from loadtest.engine_readings import create_topics
from loadtest.engine_run import Outcome
from loadtest.peers.installed import SOURCES, java_of_kstreams, python_of

_runs = itertools.count(1)


@dataclass(frozen=True)
class Contender:
    """An engine and how many readings it gets, so that a run takes 10 to 20 s.

    Attributes:
        run: given the stack, the topic and the number of readings.
    """

    name: str
    readings: int
    run: Callable[[Stack, str, int], Outcome]


def new_run(stack: Stack) -> str:
    """The name of a run of ours, whose topics are made."""
    run = f"job-{time.time_ns()}-{next(_runs)}"
    topics = topics_of(run)
    create_topics(stack.brokers, topics.windows, topics.anomalies, topics.late)
    create_topics(stack.brokers, changelog_of(run), compacted=True)
    return run


def worker_command(stack: Stack, topic: str, run: str, *options: str) -> list[str]:
    """The command line of a worker of ours."""
    return [sys.executable, "-m", "loadtest.engine_metered_worker", stack.brokers, topic, run, *options]


def run_ours(stack: Stack, topic: str, readings: int, *options: str) -> Outcome:
    """One worker process, until all readings are committed."""
    command = worker_command(stack, topic, new_run(stack), "--readings", str(readings), *options)
    return engine_run.run(stack, "headrace", command)


def run_kstreams(threads: int) -> Callable[[Stack, str, int], Outcome]:
    """Kafka Streams in one process with so many threads."""

    def run(stack: Stack, topic: str, readings: int) -> Outcome:
        with tempfile.TemporaryDirectory() as state:
            arguments = (stack.brokers, topic, str(readings), str(threads), state)
            return engine_run.run(stack, "kafka_streams", [*java_of_kstreams(), *arguments])

    return run


def run_quix(stack: Stack, topic: str, readings: int) -> Outcome:
    """Quix Streams in one process."""
    with tempfile.TemporaryDirectory() as state:
        script = str(SOURCES / "quix_job.py")
        command = [str(python_of("quix")), script, stack.brokers, topic, str(readings), state]
        return engine_run.run(stack, "quix", command, Path(state))


def run_faust(stack: Stack, topic: str, readings: int) -> Outcome:
    """Stock Faust in one process."""
    with tempfile.TemporaryDirectory() as state:
        script = str(SOURCES / "faust_job.py")
        options = ("--datadir", state, "--loop", "uvloop", "worker", "--without-web", "--loglevel", "error")
        environment = {"BROKERS": stack.brokers, "TOPIC": topic, "READINGS": str(readings)}
        return engine_run.run(stack, "faust", [str(python_of("faust")), script, *options], Path(state), environment)


def contenders(most: int) -> tuple[Contender, ...]:
    """All of them, those that come slowly with a part of `most` readings."""
    return (
        Contender("headrace", most, run_ours),
        Contender("kafka_streams_1_thread", most * 2 // 5, run_kstreams(1)),
        Contender("kafka_streams_2_threads", most * 2 // 5, run_kstreams(2)),
        Contender("quix", most // 30, run_quix),
        Contender("faust", most // 400, run_faust),
    )


def prepare(stack: Stack, topic: str) -> None:
    """Installs the peers and makes the topics that they don't make themselves."""
    python_of("quix")
    python_of("faust")
    java_of_kstreams()
    suffixes: Mapping[str, tuple[str, ...]] = {"kstreams": ("windows", "anomalies"), "faust": ("anomalies",)}
    create_topics(stack.brokers, *(f"{topic}-{peer}-{kind}" for peer, kinds in suffixes.items() for kind in kinds))
