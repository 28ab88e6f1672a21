"""A worker for the tests of the engine, which can end or stop itself at a step of a checkpoint.

Usage: python copying_worker.py JSON, the fields of `Job`.

A stage that copies gives each value `KEY:NUMBER` as `KEY:NUMBER:COUNT`, with a running count of the record's key that
only right state can give; where it has a table, COUNT is the table's newest number of the key. A stage that has `keys`
hands `KEY:NUMBER` on under another key, one of so many.
"""

import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from headrace.logs import configure_logs
from headrace.streams import Batch, OutRecord
from headrace.streams.batch import Cells
from headrace.streams.disk_cells import DiskCells
from headrace.streams.keyed_cells import KeyedCells
from headrace.streams.topology import Stage, Topology
from headrace.streams.worker import build_worker, kafka_engine, run_worker
from headrace.testing import kill_at

SESSION_S = 6.0
"""The shortest that Kafka's default allows."""


class Part(msgspec.Struct, frozen=True):
    """A stage: from topics to a topic, with its state in memory or in a folder.

    Attributes:
        batch_s: seconds that a batch takes, where it hands on.
    """

    inputs: tuple[str, ...]
    output: str
    changelog: str
    keys: int = 0
    folder: str = ""
    table: str = ""
    batch_s: float = 0.0


class Job(msgspec.Struct, frozen=True):
    """What a worker does.

    Attributes:
        step, count, signal: at the `count`-th time of a step the worker sends itself a signal.
    """

    brokers: str
    group: str
    parts: tuple[Part, ...]
    step: str = ""
    count: int = 1
    signal: int = signal.SIGKILL


class Counts(KeyedCells):
    """Records seen by key."""

    def count(self, key: bytes) -> int:
        count = int(self.get(key) or 0) + 1
        self.put(key, b"%d" % count)
        return count


class Copying:
    """Value `KEY:NUMBER` becomes `KEY:NUMBER:COUNT`."""

    state_schema = "counts/1"

    def __init__(self, target: str) -> None:
        self.target = target

    def new_state(self) -> Counts:
        return Counts()

    def process(self, state: Counts, batch: Batch) -> list[OutRecord]:
        return [
            self.copy(key or b"", value or b"", self.count(state, key or b""))
            for key, value in zip(batch.keys, batch.values, strict=True)
        ]

    def count(self, state: Counts, key: bytes) -> int:
        return state.count(key)

    def copy(self, key: bytes, value: bytes, count: int) -> OutRecord:
        """What follows from one record, the `count`-th of its key."""
        return OutRecord(self.target, key, b"%s:%d" % (value, count))

    def on_idle(self, state: Counts, now_us: int) -> list[OutRecord]:
        return []


class Joining(Copying):
    """Value `KEY:NUMBER` becomes `KEY:NUMBER:ROW`, where `KEY:ROW` is the newest of the key in a table, or ROW is 0."""

    def __init__(self, target: str, table: str) -> None:
        super().__init__(target)
        self._table = table

    def process(self, state: Counts, batch: Batch) -> list[OutRecord]:
        if batch.topic != self._table:
            return super().process(state, batch)
        for key, value in zip(batch.keys, batch.values, strict=True):
            state.put(key or b"", (value or b"").split(b":")[1])
        return []

    def count(self, state: Counts, key: bytes) -> int:
        return int(state.get(key) or 0)


class HandingOn(Copying):
    """Hands each value on under another key, one of `keys`; a batch takes at least so many seconds."""

    def __init__(self, target: str, keys: int, batch_s: float) -> None:
        super().__init__(target)
        self._keys = keys
        self._batch_s = batch_s

    def process(self, state: Counts, batch: Batch) -> list[OutRecord]:
        time.sleep(self._batch_s)
        return super().process(state, batch)

    def copy(self, key: bytes, value: bytes, count: int) -> OutRecord:
        return OutRecord(self.target, b"o%d" % (int(value.split(b":")[1]) % self._keys), value)


def rules_of(part: Part) -> Copying:
    if part.table:
        return Joining(part.output, part.table)
    return HandingOn(part.output, part.keys, part.batch_s) if part.keys else Copying(part.output)


def cells_of(part: Part) -> Callable[[], Cells]:
    return partial(DiskCells, Path(part.folder)) if part.folder else dict


def tables_of(part: Part) -> tuple[str, ...]:
    return (part.table,) if part.table else ()


def main(job: Job) -> int:
    configure_logs("copying", "INFO")
    stages = [
        Stage(
            f"part{number}",
            (*part.inputs, *tables_of(part)),
            rules_of(part),
            (part.output,),
            part.changelog,
            cells_of(part),
            tables_of(part),
        )
        for number, part in enumerate(job.parts)
    ]
    on_step = kill_at(job.step, job.count, job.signal)
    engine = kafka_engine(job.brokers, Topology(job.group, tuple(stages)), on_step=on_step)
    quick: dict[str, Any] = {
        "broker_max_poll_records": 500,
        "broker_session_timeout": SESSION_S,
        "broker_heartbeat_interval": 1.0,
    }
    return run_worker(build_worker(job.brokers, engine, **quick))


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(sys.argv[1], type=Job)))
