"""A topic of readings into a snapshot and models, beside a plain consumer alone: `make bench NAME=replay_snapshot`.

The same topic is read in one run, each time in a process of its own: by a consumer that only counts, by the same that
also decodes every value, by `freeze`, which decodes, makes columns, hashes and writes Parquet, and by trainings on a
tenth, half and all of it. Peak memory of `freeze` is noted at a tenth and at half of the rows and at their end; that of
a training when it has read them, when it has made its rows of them, and when the model is registered.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.local.temporary import temporary_stack
from headrace.kafka import consumer_config, producer_config
from headrace.records import SCHEMA_HEADER, Origin, Reading, encode, schema_name
from headrace.topics import Topic, create_topics
from loadtest import results
from train_models.data.data_spec import Data
from train_models.data.freeze import freeze
from train_models.data.places import Places

TOPIC = "bench.readings"
PARTITIONS = 4
_CHUNK = 50_000
_DEVICES = 1_000
_START_US = 1_780_000_000_000_000
_TIMEOUT_S = 600.0
_LEAST_ROWS = 6_000_000
_HEADERS: list[tuple[str, str | bytes | None]] = [(SCHEMA_HEADER, schema_name(Reading).encode())]
Work = Callable[[], dict[str, float]]


def readings(count: int, seed: int = 1) -> Iterator[Reading]:
    """Readings as `process_readings` writes them: three metrics of each device, every second.

    A metric has its level, a device its own part of it, and all go up and down in an hour: there is something to learn.
    """
    rng = np.random.default_rng(seed)
    metrics = (("temperature", "Cel"), ("humidity", "%RH"), ("co", "ppm"))
    levels, of_devices = np.array([20.0, 50.0, 10.0]), rng.normal(0.0, 1.0, _DEVICES)
    for first in range(0, count, _CHUNK):
        numbers = np.arange(first, first + _CHUNK)
        swing = np.sin(numbers // (3 * _DEVICES) * (2 * np.pi / 3_600))
        means = levels[numbers % 3] + of_devices[numbers // 3 % _DEVICES] + swing
        values = rng.normal(means, 2.0).round(3).tolist()
        for number, value in enumerate(values[: count - first], first):
            metric, unit = metrics[number % 3]
            at = _START_US + number // (3 * _DEVICES) * 1_000_000
            device = f"device-{number // 3 % _DEVICES:06d}"
            origin = Origin("readings.raw", number % PARTITIONS, number // PARTITIONS, 0)
            yield Reading("home", device, metric, at, "device", at + 50_000, origin, "json.v1", number=value, unit=unit)


def fill(brokers: str, count: int) -> None:
    """Writes readings, a device always to the same partition, and returns when the brokers have them."""
    topic = Topic(name=TOPIC, about="", key="", record="reading.v1", partitions=PARTITIONS, writers=())
    create_topics(brokers, {TOPIC: topic})
    limits = {"queue.buffering.max.messages": 500_000, "delivery.report.only.error": True, "linger.ms": 50}
    producer = Producer(producer_config(brokers, "bench", **limits))
    for number, reading in enumerate(readings(count)):
        key = f"{reading.site}/{reading.device}"
        while True:
            try:
                producer.produce(TOPIC, encode(reading), key, headers=_HEADERS)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1_000 == 0:
            producer.poll(0)
    if producer.flush(_TIMEOUT_S):
        raise SystemExit("the topic could not be filled")


def consume(brokers: str, rows: int, decodes: bool) -> Work:
    """A plain consumer over all partitions, which ends when it has seen all."""

    def work() -> dict[str, float]:
        consumer = Consumer(consumer_config(brokers, "bench-is-in-no-group"))
        consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
        decode = msgspec.json.Decoder(Reading).decode
        seen = 0
        while seen < rows:
            messages = consumer.consume(5_000, 1.0)
            seen += len(messages)
            if decodes:
                for message in messages:
                    decode(message.value() or b"")
        consumer.close()
        return {}

    return work


def freezing(brokers: str, rows: int, folder: Path) -> Work:
    """The whole: columns, hash, Parquet."""

    def work() -> dict[str, float]:
        peaks: list[float] = []

        def note(count: int) -> None:
            while len(peaks) < 2 and count >= rows * (0.1, 0.5)[len(peaks)]:
                peaks.append(_peak_mib())

        data = Data.model_validate({"topic": {"name": TOPIC}, "label": "value"})
        snapshot = freeze(data, Places(data=folder, brokers=brokers), note)
        if snapshot.rows != rows:
            raise SystemExit(f"{snapshot.rows} rows are frozen, and {rows} are there")
        megabytes = snapshot.path.stat().st_size / 1e6
        return {
            "peak_mib_at_a_tenth": peaks[0],
            "peak_mib_at_the_half": peaks[1],
            "peak_mib_at_the_end": _peak_mib(),
            "parquet_mb": megabytes,
        }

    return work


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


SHARES = {"tenth": 0.1, "half": 0.5, "all": 1.0}
KINDS = ("events", "sample")
"""Of trainings; see replay_snapshot_training, which is no part of this process: what it imports takes 300 MiB."""
TRAININGS = {f"{kind}_of_{name}": (kind, share) for kind in KINDS for name, share in SHARES.items()}
WAYS = ("consumer", "consumer_and_decode", "freeze")


def measure(way: str, brokers: str, rows: int, folder: Path) -> dict[str, float]:
    """Runs in a process of its own."""
    work = freezing(brokers, rows, folder) if way == "freeze" else consume(brokers, rows, way != "consumer")
    cpu, began = time.process_time(), time.monotonic()
    found = work()
    seconds = time.monotonic() - began
    return {"rows_per_second": rows / seconds, "cpu_us_per_row": (time.process_time() - cpu) / rows * 1e6, **found}


def run_all(rows: int, rounds: int) -> dict[str, object]:
    """Fills a topic and reads it in all ways, in turn, as often as asked."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in (*WAYS, *TRAININGS)}
    with temporary_stack() as stack, tempfile.TemporaryDirectory() as folder:
        stack.up("kafka")
        stack.create_topics()
        fill(stack.brokers, rows)
        for number in range(rounds):
            for way in found:
                one = _in_a_process(way, stack.brokers, rows, Path(folder) / f"{number}-{way}")
                found[way].append(one)
                print(way, {name: round(value, 2) for name, value in one.items()}, flush=True)
    spreads = {
        way: {name: results.spread([one[name] for one in each]) for name in each[0]} for way, each in found.items()
    }
    figures: dict[str, object] = {"rows": rows, **spreads, **compared(spreads)}
    print({name: round(value, 3) for name, value in figures.items() if isinstance(value, float)})
    return figures


def compared(spreads: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, float]:
    """What is read a second beside the consumer alone, and the memory that more rows take."""

    def median(way: str, name: str) -> float:
        return spreads[way][name]["median"]

    consumer = median("consumer", "rows_per_second")
    found = {
        "freeze_beside_consumer": median("freeze", "rows_per_second") / consumer,
        "freeze_beside_consumer_and_decode": median("freeze", "rows_per_second")
        / median("consumer_and_decode", "rows_per_second"),
        "memory_end_beside_tenth": median("freeze", "peak_mib_at_the_end") / median("freeze", "peak_mib_at_a_tenth"),
        "memory_end_beside_half": median("freeze", "peak_mib_at_the_end") / median("freeze", "peak_mib_at_the_half"),
    }
    for kind in KINDS:
        whole, peak = f"{kind}_of_all", "peak_mib_of_all"
        found[f"{kind}_training_beside_consumer"] = median(whole, "rows_per_second") / consumer
        found[f"{kind}_training_memory_all_beside_tenth"] = median(whole, peak) / median(f"{kind}_of_tenth", peak)
    return found


def _in_a_process(way: str, brokers: str, rows: int, folder: Path) -> dict[str, float]:
    if way in TRAININGS:
        kind, share = TRAININGS[way]
        options = ["loadtest.replay_snapshot_training", kind, "--topic", TOPIC, "--share", str(share)]
    else:
        options = ["loadtest.replay_snapshot", "--way", way, "--rows", str(rows)]
    command = [sys.executable, "-m", *options, "--folder", str(folder), "--brokers", brokers]
    output = subprocess.check_output(command)
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def main() -> None:
    """Measures, prints, and writes results/replay_snapshot.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help=f"at least {_LEAST_ROWS:,}")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="write no result")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--brokers", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.brokers, options.rows, options.folder)))
        return
    if options.rows < _LEAST_ROWS:
        parser.error(f"--rows: a tenth must be minutes of readings, which takes {_LEAST_ROWS:,}")
    figures = run_all(options.rows, options.rounds)
    if not options.dry:
        print(f"written to {results.write('replay_snapshot', 'make bench NAME=replay_snapshot', figures)}")


if __name__ == "__main__":
    main()
