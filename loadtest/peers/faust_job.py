"""The standard job on stock Faust: `faust_job.py --datadir FOLDER --loop uvloop worker --without-web`.

BROKERS, TOPIC and READINGS come from the environment. After its documentation: a model for the JSON, a tumbling table
relative to a field, and an agent that takes one event at a time; installed with the bundles `fast` and `uvloop` and run
on uvloop, with the repaired Cython paths on ("The optional Cython accelerators"), and no standby replicas as there is
one worker. Tables are in memory with their changelogs in Kafka: RocksDB, which it prefers in production, was slower
here. The buffer of 131,072 events that its settings name for more throughput stood still here.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from datetime import timedelta
from typing import Any

import faust

PARTITIONS = 4
WINDOW_S = 10.0
ALPHA = 0.05


class Reading(faust.Record, serializer="json"):
    """A record's value."""

    device_id: str
    metric: str
    value: float
    ts: float


class Meter:
    """Ends the process when so many readings were seen, and says how long they took."""

    def __init__(self, readings: int) -> None:
        self._readings = readings
        self._seen = 0
        self._begin = self._begin_cpu = 0.0

    def count(self) -> None:
        if not self._seen:
            self._begin, self._begin_cpu = time.perf_counter(), time.process_time()
        self._seen += 1
        if self._seen == self._readings:
            seconds, cpu = time.perf_counter() - self._begin, time.process_time() - self._begin_cpu
            # Faust makes log lines of what is printed.
            print(
                json.dumps({"readings": self._seen, "seconds": seconds, "cpu_seconds": cpu}),
                file=sys.__stdout__,
                flush=True,
            )
            # A stop in good order takes Faust up to a minute.
            os._exit(0)


def build_app(brokers: str, topic: str, readings: int) -> Any:
    """The application of one run, whose group and tables no other run has."""
    run = f"faust-{time.time_ns()}"
    app = faust.App(
        run,
        broker=f"kafka://{brokers}",
        store="memory://",
        topic_partitions=PARTITIONS,
        table_standby_replicas=0,
        cython_optimizations=True,
        web_enabled=False,
    )
    source = app.topic(topic, value_type=Reading)
    aggregates = app.Table(f"{run}-windows", default=lambda: [0, 0.0, math.inf, -math.inf], partitions=PARTITIONS)
    event_time: Any = Reading.ts
    windows = aggregates.tumbling(WINDOW_S, expires=timedelta(days=1)).relative_to_field(event_time)
    moments = app.Table(f"{run}-moments", default=lambda: None, partitions=PARTITIONS)
    anomalies = app.topic(f"{topic}-faust-anomalies")
    meter = Meter(readings)

    @app.agent(source)
    async def process(stream: Any) -> None:
        async for reading in stream:
            meter.count()
            value = reading.value
            if not -50 < value < 150:
                continue
            count, total, least, greatest = windows[reading.device_id].value()
            windows[reading.device_id] = [count + 1, total + value, min(least, value), max(greatest, value)]
            mean, variance = moments[reading.device_id] or (value, 0.0)
            distance = value - mean
            moments[reading.device_id] = [
                mean + ALPHA * distance,
                (1 - ALPHA) * (variance + ALPHA * distance * distance),
            ]
            if variance > 0 and abs(distance) > 4 * math.sqrt(variance):
                await anomalies.send(key=reading.device_id, value={"value": value})

    return app


if __name__ == "__main__":
    build_app(os.environ["BROKERS"], os.environ["TOPIC"], int(os.environ["READINGS"])).main()
