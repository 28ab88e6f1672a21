"""The standard job on Quix Streams: `quix_job.py BROKERS TOPIC READINGS STATE_FOLDER`.

After its documentation: JSON by the built-in deserialiser and event time by a timestamp extractor ("Windowed
Aggregations"), `tumbling_window().reduce(...).final()`, `State` for what is kept per key ("Stateful Processing"), at
least once with a checkpoint every 5 s and changelog topics, which are the defaults ("Configuration", "Checkpointing").
The built-in aggregators of `agg(...)` were slower here than one reducer.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # it has an environment of its own

WINDOW_MS = 10_000
ALPHA = 0.05


class Meter:
    """Ends the application when so many readings were seen, and says how long they took."""

    def __init__(self, app: Any, readings: int) -> None:
        self._app = app
        self._readings = readings
        self._seen = 0
        self._begin = self._begin_cpu = 0.0

    def count(self, _: object) -> None:
        if not self._seen:
            self._begin, self._begin_cpu = time.perf_counter(), time.process_time()
        self._seen += 1
        if self._seen == self._readings:
            seconds, cpu = time.perf_counter() - self._begin, time.process_time() - self._begin_cpu
            print(json.dumps({"readings": self._seen, "seconds": seconds, "cpu_seconds": cpu}), flush=True)
            self._app.stop()


def is_valid(reading: dict[str, Any]) -> bool:
    value = reading.get("value")
    return isinstance(value, float) and -50 < value < 150


def first(reading: dict[str, Any]) -> dict[str, Any]:
    """The aggregates of a window's first reading."""
    value = reading["value"]
    return {"count": 1, "sum": value, "min": value, "max": value}


def add(held: dict[str, Any], reading: dict[str, Any]) -> dict[str, Any]:
    """A window's aggregates with one more reading."""
    value = reading["value"]
    return {
        "count": held["count"] + 1,
        "sum": held["sum"] + value,
        "min": min(held["min"], value),
        "max": max(held["max"], value),
    }


def is_anomaly(reading: dict[str, Any], state: Any) -> bool:
    """Whether a value is more than four standard deviations from the mean; takes it into both."""
    value, held = reading["value"], state.get("moments")
    if held is None:
        state.set("moments", [value, 0.0])
        return False
    mean, variance = held
    distance = value - mean
    state.set("moments", [mean + ALPHA * distance, (1 - ALPHA) * (variance + ALPHA * distance * distance)])
    return bool(variance > 0 and abs(distance) > 4 * math.sqrt(variance))


def main(brokers: str, topic: str, readings: int, state_folder: str) -> None:
    app = Application(
        broker_address=brokers,
        consumer_group=f"quix-{time.time_ns()}",
        auto_offset_reset="earliest",
        state_dir=state_folder,
        loglevel="ERROR",
        # A record that is no JSON would end the application.
        on_consumer_error=lambda error, record, logger: True,
    )
    source = app.topic(
        topic,
        value_deserializer="json",
        timestamp_extractor=lambda value, headers, timestamp, kind: int(value["ts"] * 1_000),
    )
    valid = app.dataframe(source).update(Meter(app, readings).count).filter(is_valid)
    windows = valid.tumbling_window(WINDOW_MS).reduce(add, first).final()
    windows.to_topic(app.topic(f"{topic}-quix-windows"))
    valid.filter(is_anomaly, stateful=True).to_topic(app.topic(f"{topic}-quix-anomalies"))
    app.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
