"""What the bridge costs beside a plain paho loop: `python -m loadtest.ingest`. Writes results/ingest.json.

Each is stopped (SIGSTOP) while its messages queue at the broker, and timed from the moment it goes on until Kafka has
them all; so the generator takes no part. Both run in the same minutes on the same brokers: the ratio is the result.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paho.mqtt.client as paho
import psutil
from confluent_kafka import Consumer, TopicPartition
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from deploy.local.paths import PROJECT
from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until
from loadtest import results

_NAMES = ("headrace", "headrace, receipts", "plain paho loop")
_TOPIC = "readings.raw"


@dataclass(frozen=True)
class Run:
    """Messages a second and µs of CPU a message of one drain."""

    rate: float
    cpu_us: float


def measure(stack: Stack, messages: int, repeats: int, console: Console) -> dict[str, list[Run]]:
    """All runs, interleaved; the first of each warms up and is left out."""
    runs: dict[str, list[Run]] = {name: [] for name in _NAMES}
    for repeat in range(repeats + 1):
        for name in _NAMES:
            with _bridge(stack, name) as process:
                run = _drain(stack, process, messages, receipts="receipts" in name)
            if repeat:
                runs[name].append(run)
                console.print(f"{name}: {run.rate:,.0f} messages/s, {run.cpu_us:.1f} µs CPU a message")
    return runs


@contextmanager
def _bridge(stack: Stack, name: str) -> Iterator[psutil.Process]:
    """One of the two, connected and subscribed."""
    if name.startswith("headrace"):
        stack.up("ingest_mqtt")
        record = stack.record("ingest_mqtt")
        if record is None:
            raise RuntimeError("the bridge ended")
        yield psutil.Process(record.pid)
        stack.stop("ingest_mqtt")
        _forget_session(stack, "headrace-ingest-mqtt")
        return
    path = os.pathsep.join((str(PROJECT / "services"), str(PROJECT)))
    command = (sys.executable, "-m", "loadtest.plain_bridge", "--port", str(stack.ports.mqtt), "--brokers")
    with subprocess.Popen((*command, stack.brokers), env={**os.environ, "PYTHONPATH": path}) as plain:
        try:
            _wait_forwarding(stack)
            yield psutil.Process(plain.pid)
        finally:
            plain.kill()


def _drain(stack: Stack, process: psutil.Process, messages: int, receipts: bool) -> Run:
    _wait_forwarding(stack)
    process.send_signal(signal.SIGSTOP)
    _publish(stack, messages, receipts)
    with _end_of_topic(stack) as end:
        goal = end() + messages
        before, start = _cpu_s(process), time.perf_counter()
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: end() >= goal, f"{messages} records", timeout=120, every=0.01)
        seconds = time.perf_counter() - start
        # The last acks leave after Kafka's last report.
        cpu = _cpu_s(process) - before
    return Run(messages / seconds, cpu / messages * 1e6)


def _wait_forwarding(stack: Stack) -> None:
    """Publishes until one message comes through: the bridge is connected and subscribed."""
    with _end_of_topic(stack) as end:
        before = end()

        def comes_through() -> bool:
            _publish(stack, 1, receipts=False)
            return end() > before

        wait_until(comes_through, "the bridge to forward", timeout=30, every=0.1)
        last = -1
        while last != (last := end()):
            time.sleep(0.2)


def _publish(stack: Stack, messages: int, receipts: bool) -> None:
    module = (sys.executable, "-m", "loadtest.devices.queued", "--port", str(stack.ports.mqtt))
    command = (*module, "--count", str(messages), *(("--receipts",) if receipts else ()))
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)


def _forget_session(stack: Stack, client_id: str) -> None:
    """Ends a session, so that the broker queues nothing for a bridge that will not come."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", stack.ports.mqtt, clean_start=True)
    client.loop_start()
    wait_until(client.is_connected, "the broker", timeout=10)
    client.disconnect()
    client.loop_stop()


@contextmanager
def _end_of_topic(stack: Stack) -> Iterator[Callable[[], int]]:
    consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": "loadtest-ingest"})
    try:
        partitions = [
            TopicPartition(_TOPIC, number) for number in consumer.list_topics(_TOPIC, 10).topics[_TOPIC].partitions
        ]
        # A topic that is new has no leaders for a moment.
        wait_until(lambda: _ends(consumer, partitions), "the topic's leaders")
        yield lambda: sum(_ends(consumer, partitions))
    finally:
        consumer.close()


def _ends(consumer: Consumer, partitions: list[TopicPartition]) -> list[int]:
    return [consumer.get_watermark_offsets(partition, 10)[1] for partition in partitions]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _table(runs: dict[str, list[Run]]) -> Table:
    table = Table("bridge", "messages/s", "µs CPU a message", "CPU beside plain", title="MQTT QoS 1 → Kafka acks=all")
    plain = results.spread([run.cpu_us for run in runs[_NAMES[-1]]])["median"]
    for name, of_name in runs.items():
        rate, cpu = results.spread([run.rate for run in of_name]), results.spread([run.cpu_us for run in of_name])
        cost = f"{cpu['median']:.1f} ({cpu['min']:.1f}-{cpu['max']:.1f})"
        table.add_row(name, f"{rate['median']:,.0f}", cost, f"1/{plain / cpu['median']:.1f}")
    return table


def main() -> None:
    """Runs all and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--messages", type=int, default=60_000, help="messages of a run")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each")
    options = parser.parse_args()
    console = Console()
    with temporary_stack() as stack:
        stack.up("kafka", "mosquitto")
        stack.create_topics()
        runs = measure(stack, options.messages, options.repeats, console)
    console.print(_table(runs))
    figures = {
        name: {
            "messages_per_s": results.spread([run.rate for run in of_name]),
            "cpu_us_per_message": results.spread([run.cpu_us for run in of_name]),
        }
        for name, of_name in runs.items()
    }
    path = results.write("ingest", "make bench NAME=ingest", figures)
    console.print(f"written to {path.relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
