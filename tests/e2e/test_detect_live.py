"""Live through MQTT a device's readings get the anomalies that `headrace detect` finds in their file, to the bit."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy.local.stack import Stack
from headrace.cli import build_cli
from headrace.testing import wait_until
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher
from loadtest.scan_kafka import read_topic
from tests.daily_series import Row, csv_of, daily_series

pytestmark = [pytest.mark.integration]

SEED = 20261128
METRIC = "temperature"
Found = list[tuple[int, float, float, str]]


def test_a_series_gets_the_anomalies_of_its_file(pipeline: Stack, tmp_path: Path) -> None:
    rows, device = daily_series(SEED), f"daily-{uuid4().hex}"
    expected = _in_file(rows, tmp_path / "daily.csv")
    assert len(expected) >= 5
    assert expected[-1][0] == rows[-1][0] * 1_000_000, "the last reading is one, so that all before it were judged"

    asyncio.run(_publish(pipeline, device, rows))
    live: Found = []

    def is_whole() -> bool:
        live[:] = _live(pipeline, device)
        return live[-1:] == expected[-1:]

    wait_until(is_whole, "the anomaly of the last reading", 30, every=0.2)
    assert live == expected


def _in_file(rows: list[Row], file: Path) -> Found:
    file.write_text(csv_of(rows), encoding="utf-8")
    result = CliRunner().invoke(build_cli(), ["detect", str(file), "--metric", METRIC], catch_exceptions=False)
    found = (row for row in csv.DictReader(io.StringIO(result.stdout)) if row["is_anomaly"] == "true")
    return [
        (int(row["timestamp"]) * 1_000_000, float(row["anomaly_score"]), float(row["threshold"]), row["reason"])
        for row in found
    ]


def _live(pipeline: Stack, device: str) -> Found:
    found = (json.loads(message.value() or b"") for message in read_topic(pipeline.brokers, "readings.anomalies"))
    mine = (one for one in found if one["device"] == device)
    return [(one["time"], one["score"], one["threshold"], one["reason"]) for one in mine]


async def _publish(pipeline: Stack, device: str, rows: list[Row]) -> None:
    topic = topic_field(f"devices/{device}/telemetry")
    bodies = (json.dumps({"ts": time * 1_000, METRIC: value}).encode() for time, value in rows)
    async with Publisher(pipeline.host, pipeline.ports.mqtt, device) as publisher:
        await publisher.publish([Message(topic, body, number) for number, body in enumerate(bodies)])
        await publisher.drain(30)
