"""A service for the tests of replay, with the rules of `copying_worker`: its worker, and its replays killed at a step.

Usage: python replayable_service.py work
       python replayable_service.py replay|switch NAME STEP COUNT

The environment names its topics. The process of a replay kills itself, as a power cut would, when the step comes for
the COUNT-th time.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from headrace.clock import SystemClock
from headrace.logs import configure_logs
from headrace.replay.moments import NOW, START
from headrace.replay.pace import Pace
from headrace.replay.partition_replay import Shared
from headrace.replay.replay_run import ReplayRun
from headrace.replay.replayable import Replay, Replayable
from headrace.replay.stage_replay import OnProgress
from headrace.replay.start_replay import start_replay
from headrace.replay.switch import Switch
from headrace.streams.topology import Stage, Topology
from headrace.streams.versions import with_version
from headrace.streams.worker import build_worker, kafka_engine, run_worker
from headrace.testing import kill_at
from tests.integration.headrace.copying_worker import Copying

BROKERS, GROUP, SOURCE, TARGET, CHANGELOG, VERSION = (
    f"COPYING_{name}" for name in ("BROKERS", "GROUP", "SOURCE", "TARGET", "CHANGELOG", "VERSION")
)


def topology(group: str, source: str, target: str, changelog: str) -> Topology:
    return Topology(group, (Stage("copy", (source,), Copying(target), (target,), changelog),))


def own_topology() -> Topology:
    return topology(*(os.environ[name] for name in (GROUP, SOURCE, TARGET, CHANGELOG)))


def replayable(brokers: str) -> Replayable:
    """The entry point."""
    return Replayable(own_topology(), os.environ.get(VERSION, ""), VERSION, lambda on_failure: nullcontext())


def work() -> int:
    brokers = os.environ[BROKERS]
    engine = kafka_engine(brokers, with_version(own_topology(), os.environ.get(VERSION, "")))
    return run_worker(build_worker(brokers, engine, broker_session_timeout=6.0, broker_heartbeat_interval=1.0))


def replay_and_die(command: str, name: str, step: str, count: str) -> int:
    brokers = os.environ[BROKERS]
    replay = Replay(brokers, replayable(brokers), name)
    # Slow enough for several checkpoints of each partition.
    shared = Shared(Pace(2_500 if command == "replay" else None))
    if command == "switch":
        Switch(replay, _unseen, shared, SystemClock(), kill_at(step, int(count))).run()
    else:
        plan = start_replay(replay, os.environ[SOURCE], START, NOW, SystemClock())
        ReplayRun(replay, _unseen, shared, kill_at(step, int(count))).run(plan.ranges, plan.topic_ids, plan.until_us)
    return 0


@contextmanager
def _unseen(name: str, total: int) -> Iterator[OnProgress]:
    yield lambda done: None


def main(command: str, *arguments: str) -> int:
    configure_logs("copying", "INFO")
    return work() if command == "work" else replay_and_die(command, *arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
