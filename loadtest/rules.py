"""What the rules of process_readings cost: `python -m loadtest.rules` prints µs per reading by stage, without Kafka.

Messages of three numeric metrics with a time, from many devices in turn, as `devices/{device}/telemetry` brings them.
"""

import argparse
import random
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from headrace.raw import FORMAT, RECEIVED
from headrace.records import decode, encode
from headrace.streams import Batch, OutRecord
from loadtest import results
from process_readings.decode import decode_record
from process_readings.device_types import DeviceTypes, load_device_types
from process_readings.pipeline import ReadingRules

TYPES = Path(__file__).resolve().parents[1] / "deploy" / "device_types.yaml"
START_US = 1_700_000_000_000_000
METRICS = 3
BATCH = 1_000


def batches(messages: int, devices: int, per_second: float, seq: bool) -> Iterator[Batch]:
    """Raw records: each device sends `per_second` messages a second of event time, which is append time too."""
    numbers = random.Random(1)
    for first in range(0, messages, BATCH):
        indices = range(first, min(first + BATCH, messages))
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


def cost(stage: Callable[[], object], readings: int) -> float:
    """CPU µs per reading of one run."""
    begin = time.process_time()
    stage()
    return (time.process_time() - begin) / readings * 1e6


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


def run_rules(types: DeviceTypes, work: list[Batch]) -> Iterator[list[OutRecord]]:
    """Outputs by batch of a fresh state; like the engine, a caller that drops them keeps memory small."""
    rules = ReadingRules(types, lambda _site, _device: None)
    state = rules.new_state()
    return (rules.process(state, batch) for batch in work)


def decode_all(work: list[Batch]) -> None:
    """The decoders alone."""
    for batch in work:
        for offset, now, key, value, headers in zip(
            batch.offsets, batch.timestamps, batch.keys, batch.values, batch.headers, strict=True
        ):
            decode_record(value, key, headers, (batch.topic, batch.partition, offset), now)


def encode_all(outputs: list[OutRecord]) -> Callable[[], None]:
    """The encoding of what the rules gave, alone."""
    records = [decode(record.value, record.headers) for record in outputs]

    def stage() -> None:
        for record in records:
            encode(record)

    return stage


def rounds_of(work: list[Batch], readings: int, rounds: int) -> tuple[int, dict[str, list[float]]]:
    """Windows written, and the cost of each stage in each round; the stages take turns, so that noise meets all."""
    types = load_device_types(TYPES)
    quiet = without_detectors(types)
    outputs = [record for batch in run_rules(quiet, work) for record in batch]
    windows = sum(record.topic == "readings.windows" for record in outputs)
    encoding = cost(encode_all(outputs), readings)
    del outputs
    costs: dict[str, list[float]] = {"decode": [], "rules": [], "detect": [], "all": []}
    for _ in range(rounds):
        decoding = cost(lambda: decode_all(work), readings)
        undetected = cost(lambda: deque(run_rules(quiet, work), maxlen=0), readings)
        everything = cost(lambda: deque(run_rules(types, work), maxlen=0), readings)
        costs["decode"].append(decoding)
        costs["rules"].append(undetected - decoding)
        costs["detect"].append(everything - undetected)
        costs["all"].append(everything)
    return windows, {**costs, "encoding_within_rules": [encoding]}


def main() -> None:
    """Measures, prints a table and writes results/rules.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--per-second", type=float, default=2.0, help="messages of a device in a second of event time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seq", action="store_true", help="messages carry a sequence number")
    options = parser.parse_args()
    work = list(batches(options.messages, options.devices, options.per_second, options.seq))
    readings = options.messages * METRICS
    windows, costs = rounds_of(work, readings, options.rounds)
    print(f"{readings:,} readings, {windows:,} windows; CPU µs per reading, median (least to greatest)")
    for name, values in costs.items():
        print(f"{name:24} {statistics.median(values):6.2f} ({min(values):.2f} to {max(values):.2f})")
    figures = {"readings": readings, "windows": windows, "parameters": vars(options)}
    per_reading = {name: results.spread(values) for name, values in costs.items()}
    rerun = "python -m loadtest.rules"
    print(f"written to {results.write('rules', rerun, {**figures, 'cpu_us_per_reading': per_reading})}")


if __name__ == "__main__":
    main()
