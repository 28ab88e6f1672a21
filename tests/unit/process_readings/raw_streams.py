"""Streams of raw records with all that devices do: repeats, disorder, bad clocks, odd values, other formats."""

import json
from collections.abc import Iterator
from functools import cache
from random import Random

from headrace.streams import OutRecord
from process_readings.device_types import DeviceTypes
from tests.unit.process_readings.driver import Raw, micros, types_of

DEVICES = ("a", "b", "c", "d")
METRICS = ("temp", "flow", "kelvin", "trend", "trees", "mode", "on", "state")
MANY = tuple(f"m{number}" for number in range(40))
"""More than there are in one cell."""
_GAPS = (0, 0.5, 0.5, 1, 1, 1, 1, 1, 2, 8, 60)
_LAGS = (3, 3, 3, 30, 300, -10, -90, -7_000)
_ODD = (1e101, 2**60, 2**60 + 1, 1e16, 1.5e-5, 1e-7, -0.0, 1e22, 9_007_199_254_740_993, None, "x", True, {"x": 1.5})


@cache
def eventful_types() -> DeviceTypes:
    """Two device types, with all detectors, which know their series soon."""
    soon = {"warm_up": 15, "threshold": 3.0, "relearn_after": 3}
    robust = {"detector": "robust_level", "parameters": soon}
    trees = {"low": 0, "high": 100, "trees": 2, "height": 3, "threshold": 1.0}
    stuck = {"count": 3, "seconds": 2, "ignore": [0]}
    temp = {"match": ["temp"], "unit": "Cel", "device_unit": "Cel", "range": [-40, 85], "stuck": stuck}
    metrics = [
        {**temp, **robust},
        {"match": ["flow"], **robust},
        {"match": ["kelvin"], "unit": "Cel", "device_unit": "K", "parameters": {"threshold": 0.5}},
        {"match": ["trend"], "detector": "holt_winters", "parameters": {"threshold": 3.0, "period": 4}},
        {"match": ["trees"], "detector": "half_space_trees", "parameters": trees},
        {"match": ["mode"], "detector": "none"},
    ]
    other = [{**temp, "device_unit": "degF", **robust}, {"match": ["flow"], "parameters": {"threshold": 0.5}}]
    together = [{"metrics": ["trees", "flow"], "parameters": {"threshold": 0.2}}]
    other_together = [{"metrics": ["temp", "flow"]}, {"metrics": ["mode", "trend"]}]
    return types_of(
        default={"allowed_lateness": 60, "metrics": metrics, "together": together},
        other={"allowed_lateness": 600, "zone": "Europe/Berlin", "metrics": other, "together": other_together},
    )


def without_stacks(outputs: list[OutRecord]) -> list[OutRecord]:
    """Outputs to compare: the stack that a dead letter holds does not count."""
    return [record._replace(headers=()) if record.topic == "deadletters" else record for record in outputs]


def raw_stream(random: Random, count: int) -> list[Raw]:
    """Records in the order of their append times."""
    records: list[Raw] = []
    now = 0.0
    for index in range(count):
        now += random.choice(_GAPS) / len(DEVICES)
        if records and random.random() < 0.05:
            records.append(_again(random, random.choice(records[-30:]), now))
        else:
            records.append(_record(random, index, now))
    return records


def _again(random: Random, record: Raw, now: float) -> Raw:
    headers = {"received": str(micros(record.at)), **record.headers}
    if random.random() < 0.3:
        headers["mqtt.retain"] = "1"
    return Raw(record.value, now, record.key, headers)


def _record(random: Random, index: int, now: float) -> Raw:
    device = random.choice((*DEVICES, "a"))
    headers = {"mqtt.qos": "1"} if random.random() < 0.2 else {}
    if device == "c" and random.random() < 0.8:
        headers["message_id"] = f"id-{index}"
    if device == "d":
        headers["device_type"] = "other"
    body = _body(random, device, index if device == "b" else None, now)
    if random.random() < 0.02:
        headers["format"], body = "senml+json", _senml(random, device, now)
    return Raw(
        json.dumps(body).encode()[: None if random.random() < 0.99 else -1], now, f"main/{device}".encode(), headers
    )


def _body(random: Random, device: str, seq: int | None, now: float) -> object:
    values = dict(_values(random))
    if device == "a":
        # The trees need some hundred readings of a series.
        values["trees"] = random.choice([20, 21, 22]) if random.random() < 0.9 else random.choice([45, 60, 90])
    if device == "d":
        values |= {metric: random.choice([1.5, 2.5]) for metric in random.sample(MANY, 2)}
    time = dict(_time(random, now))
    number = {} if seq is None else {"seq": seq % 256}
    shape = random.random()
    if shape < 0.4:
        return {**time, **number, random.choice(["values", "data"]): values}
    if shape < 0.8:
        return {**values, **number, **time} if random.random() < 0.5 else {**time, **number, **values}
    if shape < 0.9:
        return {**time, "device_id": random.choice(["a", "b", "c", "d"]), **values}
    return [{"ts": micros(now - back) / 1_000, **values} for back in range(random.randint(1, 3))]


def _values(random: Random) -> Iterator[tuple[str, object]]:
    for metric in random.sample(METRICS, random.randint(1, 4)):
        if metric == "state":
            yield metric, random.choice(["open", "shut", 'ü"\\'])
        elif metric == "on":
            yield metric, random.random() < 0.5
        elif random.random() < 0.03:
            yield metric, random.choice(_ODD)
        elif random.random() < 0.5:
            yield metric, random.choice([20, 20.5, 20.5, 21.25, 0, -3])
        else:
            yield metric, round(random.gauss(20, 1) * random.choice([1, 1, 1, 1, 1, 4]), random.randint(0, 5))


def _time(random: Random, now: float) -> Iterator[tuple[str, object]]:
    at = now - (random.choice(_LAGS) if random.random() < 0.1 else 0)
    if random.random() < 0.3:
        at = round(at)
    form = random.random()
    if form < 0.6:
        yield "ts", micros(at) / 1_000
    elif form < 0.7:
        yield "timestamp", micros(at)
    elif form < 0.8:
        yield "time", micros(at) // 1_000_000
    elif form < 0.9:
        yield "Time", f"2023-11-14T{22 + int(at) // 3_600 % 2:02}:{14 + int(at) // 60 % 45:02}:{int(at) % 60:02}"


def _senml(random: Random, device: str, now: float) -> object:
    unit = random.choice(["Cel", "K", "degF", "kg"])
    return [{"bn": f"{device}:", "n": "temp", "u": unit, "v": random.gauss(20, 1), "t": micros(now) / 1e6}]
