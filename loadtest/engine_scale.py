"""How the engine's cost grows: with processes, with devices, and what recovery costs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from deploy.local.stack import Stack
from headrace.testing import wait_until
from loadtest import engine_run
from loadtest.engine_contenders import new_run, worker_command
from loadtest.engine_readings import PARTITIONS, create_topics, fill, readings
from loadtest.engine_run import Child

DEVICES = (100, 1_000, 10_000, 100_000)
_SEEN_BEFORE = 10
_TIMEOUT_S = 300.0
_LOG = "headrace"


def by_processes(stack: Stack, topic: str, count: int) -> dict[str, object]:
    """CPU seconds per million readings of one worker and of two that share the partitions."""
    costs = {workers: _together(stack, topic, count, workers) for workers in (1, 2)}
    return {
        "cpu_seconds_per_million": {str(workers): cost for workers, cost in costs.items()},
        "two_to_one": costs[2] / costs[1],
    }


def _together(stack: Stack, topic: str, count: int, workers: int) -> float:
    run = new_run(stack)
    log = stack.layout.log(_LOG)
    children = [Child(worker_command(stack, topic, run), log) for _ in range(workers)]
    wait_until(lambda: _committed(stack, topic, run) >= count, f"{count} readings", _TIMEOUT_S, every=0.5)
    for child in children:
        child.terminate()
    said = [child.finish()[0] for child in children]
    return _total(said, "cpu_seconds") / _total(said, "readings") * 1e6


def _committed(stack: Stack, topic: str, run: str) -> int:
    consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": run})
    try:
        found = consumer.committed([TopicPartition(topic, number) for number in range(PARTITIONS)], 10.0)
        return sum(max(0, partition.offset) for partition in found)
    finally:
        consumer.close()


def _total(said: Sequence[dict[str, Any]], name: str) -> float:
    return float(sum(one[name] for one in said))


def by_devices(stack: Stack, count: int) -> dict[str, dict[str, float]]:
    """Cost, outputs and changed cells per reading for ever more devices, each of which was seen a few times before.

    The first readings of a device give many anomalies, as its variance is still small.
    """
    return {str(devices): _of_devices(stack, count, devices) for devices in DEVICES}


def _of_devices(stack: Stack, count: int, devices: int) -> dict[str, float]:
    topic, run, before = f"readings-of-{devices}", new_run(stack), devices * _SEEN_BEFORE
    create_topics(stack.brokers, topic)
    records = readings(before + count, devices)
    fill(stack.brokers, topic, islice(records, before))
    engine_run.run(stack, _LOG, worker_command(stack, topic, run, "--readings", str(before)))
    fill(stack.brokers, topic, records)
    outcome = engine_run.run(stack, _LOG, worker_command(stack, topic, run, "--readings", str(before + count)))
    counts, engine = outcome.details["counts"], outcome.details["engine"]
    return {
        **outcome.figures(),
        "cells_per_reading": engine["changelog_cells"] / outcome.readings,
        "outputs_per_reading": (counts["windows"] + counts["anomalies"]) / outcome.readings,
        "rss_bytes": outcome.details["rss_bytes"],
    }


def recovery(stack: Stack, keys: int) -> dict[str, float]:
    """A worker that starts with the state of so many devices.

    `seconds` is from the start of the engine until all tasks have their state, `start_s` the same without any state,
    `bytes_per_key` the memory beyond that of a worker without state, right after recovery.
    """
    topic = "readings-to-recover"
    create_topics(stack.brokers, topic)
    fill(stack.brokers, topic, readings(keys, keys))
    run = new_run(stack)
    engine_run.run(stack, _LOG, worker_command(stack, topic, run, "--readings", str(keys)))
    empty = engine_run.run(stack, _LOG, worker_command(stack, topic, new_run(stack), "--only-recover")).details
    full = engine_run.run(stack, _LOG, worker_command(stack, topic, run, "--only-recover")).details
    return {
        "keys": float(full["keys"]),
        "seconds": full["recovered_s"],
        "start_s": empty["recovered_s"],
        "cells": full["engine"]["restored_cells"],
        "bytes_per_key": (full["recovered_rss_bytes"] - empty["recovered_rss_bytes"]) / keys,
    }
