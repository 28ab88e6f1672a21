"""What the rules of process_readings cost: `python -m loadtest.rules` prints µs per reading by stage, without Kafka.

Messages of three numeric metrics with a time, from many devices in turn, as `devices/{device}/telemetry` brings them.
Every few thousand messages the changed cells are taken, as at a checkpoint; at the end a new state is made of them all.
"""

import argparse
import gc
import os
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

from headrace.raw import FORMAT, RECEIVED
from headrace.streams import Batch
from headrace.streams.batch import compact
from loadtest import results
from process_readings.decode import decode_record
from process_readings.decode.plain_json import PlainJson
from process_readings.device_types import DeviceTypes, load_device_types
from process_readings.pipeline import ReadingRules
from process_readings.state import PartitionState

TYPES = Path(__file__).resolve().parents[1] / "deploy" / "device_types.yaml"
START_US = 1_700_000_000_000_000
METRICS = 3
BATCH = 1_000
BOM = b"\xef\xbb\xbf"


@dataclass
class Run:
    """What one run over the messages gave; times in CPU seconds."""

    process_s: float = 0.0
    checkpoint_s: float = 0.0
    outputs: int = 0
    windows: int = 0
    cells_written: int = 0
    bytes_written: int = 0
    cells: dict[bytes, bytes] = field(default_factory=dict)


def batches(messages: int, devices: int, per_second: float, seq: bool, batch: int = BATCH) -> Iterator[Batch]:
    """Raw records: each device sends `per_second` messages a second of event time, which is append time too."""
    numbers = random.Random(1)
    for first in range(0, messages, batch):
        indices = range(first, min(first + batch, messages))
        times = [START_US + int(index / (devices * per_second) * 1e6) for index in indices]
        yield Batch(
            "readings.raw",
            0,
            list(indices),
            times,
            [b"main/device-%05d" % (index % devices) for index in indices],
            [_body(numbers, at, index if seq else None) for at, index in zip(times, indices, strict=True)],
            [[(FORMAT, b"json"), (RECEIVED, b"%d" % at)] for at in times],
        )


def _body(numbers: random.Random, at: int, seq: int | None) -> bytes:
    temperature, humidity, pressure = (round(numbers.gauss(mean, 1), 2) for mean in (21, 45, 1010))
    body = f'"values":{{"temperature":{temperature},"humidity":{humidity},"pressure":{pressure}}}'
    number = "" if seq is None else f'"seq":{seq},'
    return f'{{"ts":{at / 1000:.3f},{number}{body}}}'.encode()


def not_plain(work: list[Batch]) -> list[Batch]:
    """The same messages behind a byte order mark, which the short way leaves to the decoders for all."""
    return [replace(batch, values=[BOM + (value or b"") for value in batch.values]) for batch in work]


def without_detectors(types: DeviceTypes) -> DeviceTypes:
    """The same types with every detector off."""
    return DeviceTypes(
        {
            name: types.get(name).model_copy(
                update={"metrics": tuple(r.model_copy(update={"detector": "none"}) for r in types.get(name).metrics)}
            )
            for name in types.names()
        }
    )


def new_rules(types: DeviceTypes) -> ReadingRules:
    """Rules of a catalog that knows no device."""
    return ReadingRules(types, lambda _site, _device: None)


def cpu_of(stage: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begin = time.process_time()
    stage()
    return time.process_time() - begin


def run(types: DeviceTypes, work: list[Batch], checkpoint: int) -> Run:
    """Takes all batches into a fresh state, with a checkpoint after so many messages; outputs are dropped at once."""
    rules, done, since = new_rules(types), Run(), 0
    state = rules.new_state()
    for batch in work:
        begin = time.process_time()
        outputs = rules.process(state, batch)
        done.process_s += time.process_time() - begin
        done.outputs += len(outputs)
        done.windows += sum(record.topic == "readings.windows" for record in outputs)
        since += len(batch)
        if since >= checkpoint:
            since = 0
            _checkpoint(state, done)
    _checkpoint(state, done)
    return done


def _checkpoint(state: PartitionState, done: Run) -> None:
    begin = time.process_time()
    changes = list(state.take_changes())
    done.checkpoint_s += time.process_time() - begin
    done.cells_written += len(changes)
    done.bytes_written += sum(len(key) + len(content or b"") for key, content in changes)
    compact(done.cells, changes)


def decode_all(work: list[Batch]) -> None:
    """The decoders alone."""
    plain = PlainJson()
    for batch in work:
        columns = zip(batch.offsets, batch.timestamps, batch.keys, batch.values, batch.headers, strict=True)
        for offset, now, key, value, headers in columns:
            origin = (batch.topic, batch.partition, offset)
            if plain.decode(value, headers, ("main", "device"), origin, UTC) is None:
                decode_record(value, key, headers, origin, now)


def costs_of_round(types: DeviceTypes, work: list[Batch], checkpoint: int) -> dict[str, float]:
    """CPU seconds of each stage."""
    decode = cpu_of(lambda: decode_all(work))
    undetected = run(without_detectors(types), work, checkpoint).process_s
    whole = run(types, work, checkpoint)
    return {
        "decode": decode,
        "take": undetected - decode,
        "detect": whole.process_s - undetected,
        "checkpoint": whole.checkpoint_s,
        "all": whole.process_s + whole.checkpoint_s,
        "all_not_plain": run(types, not_plain(work), checkpoint).process_s,
    }


def restore_cost(types: DeviceTypes, cells: dict[bytes, bytes]) -> dict[str, float]:
    """CPU seconds to make a state of cells, and the memory that Python and numpy hold for it."""
    seconds = cpu_of(lambda: new_rules(types).new_state().restore(cells))
    tracemalloc.start()
    state = new_rules(types).new_state()
    state.restore(cells)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {"cpu_s": seconds, "bytes_per_device": held / len(state), "devices": len(state)}


def state_figures(types: DeviceTypes, done: Run, readings: int) -> dict[str, object]:
    """What the cells of a run cost: written, kept, and read back."""
    restore = restore_cost(types, done.cells)
    kept = sum(len(key) + len(content) for key, content in done.cells.items())
    return {
        "cells": len(done.cells),
        "cell_bytes_per_device": kept / restore["devices"],
        "cells_written_per_reading": done.cells_written / readings,
        "bytes_written_per_reading": done.bytes_written / readings,
        "restore": restore,
    }


def main() -> None:
    """Measures, prints a table and writes results/rules.json."""
    options = _arguments()
    work = list(batches(options.messages, options.devices, options.per_second, options.seq, options.batch))
    types, readings = load_device_types(TYPES), options.messages * METRICS
    gc.collect()
    gc.freeze()
    done = run(types, work, options.checkpoint)
    rounds = [costs_of_round(types, work, options.checkpoint) for _ in range(options.rounds)]
    costs = {name: [each[name] / readings * 1e6 for each in rounds] for name in rounds[0]}
    figures = {
        "readings": readings,
        "outputs": done.outputs,
        "windows": done.windows,
        "parameters": vars(options),
        "load_average": round(os.getloadavg()[0], 2),
        "state": state_figures(types, done, readings),
        "cpu_us_per_reading": {name: results.spread(values) for name, values in costs.items()},
    }
    print("CPU µs per reading, median (least to greatest)")
    for name, values in costs.items():
        print(f"{name:24} {statistics.median(values):6.2f} ({min(values):.2f} to {max(values):.2f})")
    print({name: value for name, value in figures.items() if name != "cpu_us_per_reading"})
    print(f"written to {results.write('rules', 'python -m loadtest.rules', figures)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--per-second", type=float, default=2.0, help="messages of a device in a second of event time")
    parser.add_argument("--batch", type=int, default=BATCH, help="messages in a batch")
    parser.add_argument("--checkpoint", type=int, default=4_000, help="messages between two checkpoints")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seq", action="store_true", help="messages carry a sequence number")
    return parser.parse_args()


if __name__ == "__main__":
    main()
