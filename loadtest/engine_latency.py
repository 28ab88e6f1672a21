"""From a reading's append to Kafka until what follows from it is visible to a consumer of committed records.

Readings come at a steady rate; every 40th of a device is an outlier, so that an anomaly follows from it at once.
"""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from deploy.local.stack import Stack
from headrace.kafka import consumer_config, producer_config
from headrace.testing import wait_until
from loadtest import cpu
from loadtest.engine_contenders import new_run, worker_command
from loadtest.engine_metered_worker import topics_of
from loadtest.engine_readings import PARTITIONS, create_topics
from loadtest.engine_run import Child

RATE = 1_000
_DEVICES = 100
_OUTLIER_EVERY = 40
_WARM_UP_S = 10.0
_BASE_S = 20.0
_TIMEOUT_S = 60.0
_BEHIND_S = 0.01
"""A device's clock behind the broker's, so that no time is clamped to the append time, which is in milliseconds."""
Identity = tuple[str, int]


def latency(stack: Stack, seconds: float) -> dict[str, float]:
    """Quantiles in ms at 1,000 readings a second, and the broker's CPU time per transaction with all that is in it."""
    topic, run = f"readings-{time.time_ns()}", new_run(stack)
    create_topics(stack.brokers, topic, f"{topic}-unread")
    child = Child(worker_command(stack, topic, run), stack.layout.log("headrace"))
    with _Watcher(stack.brokers, topics_of(run).anomalies) as watcher:
        _send(stack, topic, _WARM_UP_S)
        wait_until(lambda: bool(watcher.seen), "the first anomaly", _TIMEOUT_S)
        appended, share = _send(stack, topic, seconds)
        wait_until(lambda: appended.keys() <= watcher.seen.keys(), "all anomalies", _TIMEOUT_S)
    child.terminate()
    said, _ = child.finish()
    _, unread_share = _send(stack, f"{topic}-unread", _BASE_S)
    delays_ms = np.array([watcher.seen[one] - moment for one, moment in appended.items()]) * 1e3
    transactions = said["engine"]["checkpoints"] / said["seconds"]
    return {
        "readings_per_second": RATE,
        "samples": len(delays_ms),
        **{f"p{percent}_ms": float(np.percentile(delays_ms, percent)) for percent in (50, 95, 99)},
        "max_ms": float(delays_ms.max()),
        "transactions_per_second": transactions,
        "kafka_cpu_share": share,
        "kafka_cpu_share_without_worker": unread_share,
        "kafka_cpu_ms_per_transaction": (share - unread_share) / transactions * 1e3,
        "worker_cpu_share": said["cpu_seconds"] / said["seconds"],
    }


def _send(stack: Stack, topic: str, seconds: float) -> tuple[dict[Identity, float], float]:
    """Sends readings for so long; gives the append times of the outliers, and the share of a core that Kafka used."""
    producer = Producer(producer_config(stack.brokers, "engine-latency", **{"linger.ms": 1}))
    appended: dict[Identity, float] = {}
    before, begin = cpu.cpu_seconds(stack, ["kafka"]), time.monotonic()
    for number in range(int(seconds * RATE)):
        wait = begin + number / RATE - time.monotonic()
        if wait > 0:
            producer.poll(wait)
        _send_one(producer, topic, number, appended)
    producer.flush(_TIMEOUT_S)
    spent = cpu.used(before, cpu.cpu_seconds(stack, ["kafka"]))["kafka"]
    return appended, spent / (time.monotonic() - begin)


def _send_one(producer: Producer, topic: str, number: int, appended: dict[Identity, float]) -> None:
    device, round_number = number % _DEVICES, number // _DEVICES
    name, moment = f"device-{device:06}", round((time.time() - _BEHIND_S) * 1e3)
    is_outlier = (round_number + device) % _OUTLIER_EVERY == _OUTLIER_EVERY - 1
    value = 90.0 if is_outlier else 20.0 + 7 * number % 11 / 11
    reading = {"device_id": name, "metric": "temperature", "value": value, "ts": moment / 1e3}
    if is_outlier:
        note = partial(_note, appended, (name, moment * 1_000))
        producer.produce(topic, json.dumps(reading), name, on_delivery=note)
    else:
        producer.produce(topic, json.dumps(reading), name)


def _note(appended: dict[Identity, float], identity: Identity, error: KafkaError | None, message: Message) -> None:
    if error is None:
        appended[identity] = message.timestamp()[1] / 1e3


class _Watcher:
    """Reads anomalies as they become visible; `seen` holds when, in seconds of the wall clock."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.seen: dict[Identity, float] = {}
        self._consumer = Consumer(consumer_config(brokers, f"{topic}-watcher"))
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        self._consumer.close()

    def _watch(self) -> None:
        while not self._ends.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                found = json.loads(message.value() or b"")
                self.seen[found["device_id"], found["ts"]] = time.time()
