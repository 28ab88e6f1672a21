"""process_readings from a full `readings.raw` to its outputs: `make bench NAME=processing`.

Messages of three numeric metrics, as `devices/{device}/telemetry` brings them, from many devices in turn, two a second
of event time. The topic is filled first; then so many workers start, and the time from the first record taken to the
last checkpoint counts. Kafka and the workers share the machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.scrape import Samples, scrape
from deploy.local.stack import Stack
from deploy.local.temporary import FOLDER, temporary_stack
from headrace.kafka import Producer
from headrace.testing import wait_until
from loadtest import results
from loadtest.cpu import cpu_seconds, used
from loadtest.rules import METRICS, batches
from loadtest.scan_kafka import unread

_INPUT = "readings.raw"
_GROUP = f"process_readings/{_INPUT}"


@dataclass(frozen=True)
class Run:
    """One run; times in seconds."""

    wall: float
    cpu: Mapping[str, float]
    samples: Samples


def fill(brokers: str, messages: int, devices: int) -> None:
    """Puts the messages into the raw topic."""
    producer = Producer(brokers, "fill", **{"linger.ms": 50})
    for batch in batches(messages, devices, 2.0, seq=False):
        for key, value, headers in zip(batch.keys, batch.values, batch.headers, strict=True):
            producer.produce(_INPUT, value, key, headers)
    producer.flush(60)


def measure(messages: int, devices: int, workers: int) -> Run:
    """Starts `workers` processes on a full topic and times them."""
    with temporary_stack(FOLDER / "processing", workers=workers) as stack:
        stack.up("kafka")
        stack.create_topics()
        fill(stack.brokers, messages, devices)
        names = ["process_readings", *(f"process_readings_{number}" for number in range(2, workers + 1))]
        for name in names:
            stack.start(name)
        wait_until(lambda: _taken(stack, names) > 0, "the first record", 60, every=0.01)
        begin, before = time.monotonic(), cpu_seconds(stack, ["kafka", *names])
        first = _taken(stack, names)
        wait_until(lambda: _taken(stack, names) == messages, "all records", 600, every=0.05)
        wall, spent = time.monotonic() - begin, used(before, cpu_seconds(stack, ["kafka", *names]))
        wait_until(lambda: unread(stack.brokers)[_GROUP] == 0, "the last checkpoint", 30)
        share = (messages - first) / messages
        samples = _samples(stack, names)
        return Run(wall / share, {name: seconds / share for name, seconds in spent.items()}, samples)


def _samples(stack: Stack, names: list[str]) -> Samples:
    joined: dict[str, list[tuple[dict[str, str], float]]] = {}
    for name in names:
        port = stack.component(name).ports[name]
        found = scrape(f"http://{stack.host}:{port}")
        for sample, values in found.values.items() if found else ():
            joined.setdefault(sample, []).extend(values)
    return Samples(joined)


def _taken(stack: Stack, names: list[str]) -> float:
    return _samples(stack, names).total("headrace_received_records_total")


def figures(run: Run, messages: int) -> dict[str, Any]:
    """What a run says, per reading."""
    readings = messages * METRICS
    total = run.samples.total
    workers = sum(seconds for name, seconds in run.cpu.items() if name != "kafka")
    return {
        "readings_per_second": round(readings / run.wall),
        "cpu_seconds_per_million_readings": round(workers / readings * 1e6, 2),
        "kafka_cpu_seconds_per_million_readings": round(run.cpu["kafka"] / readings * 1e6, 2),
        "checkpoints_per_second": round(total("headrace_checkpoints_total") / run.wall, 1),
        "changelog_bytes_per_reading": round(total("headrace_changelog_bytes_total") / readings, 1),
        "changelog_cells_per_reading": round(total("headrace_changelog_cells_total") / readings, 3),
    }


def main() -> None:
    """Measures with one and two workers in turn, prints, and writes results/processing.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    rounds: dict[int, list[dict[str, Any]]] = {number: [] for number in options.workers}
    for _ in range(options.rounds):
        for number in options.workers:
            found = figures(measure(options.messages, options.devices, number), options.messages)
            rounds[number].append(found)
            print(f"{number} workers: {found}", flush=True)
    by_workers = {
        f"workers_{number}": {name: results.spread([one[name] for one in found]) for name in found[0]}
        for number, found in rounds.items()
    }
    print(f"written to {results.write('processing', 'make bench NAME=processing', by_workers)}")


if __name__ == "__main__":
    main()
