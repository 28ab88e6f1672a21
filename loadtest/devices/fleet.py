"""A fleet of virtual water meters over MQTT: `python -m loadtest.devices.fleet --help`.

Replays river's water-flow series at a chosen speed, with seeded faults; what was sent is in the history file.
"""

import argparse
import asyncio
import time
from pathlib import Path

from loadtest.devices.faults import FaultPlan
from loadtest.devices.meter import Meter, Outgoing
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher
from loadtest.devices.stop import until_stopped
from loadtest.devices.waterflow import STEP_S, water_flow
from loadtest.history import HistoryWriter


def main() -> None:
    """Runs the fleet until it is stopped."""
    asyncio.run(run(_arguments()))


async def run(arguments: argparse.Namespace) -> None:
    """Publishes the steps of all meters, spread evenly over each step's time."""
    meters = make_fleet(arguments.meters, arguments.seed, arguments.faults)
    client_id = f"fleet-{arguments.seed}"
    with HistoryWriter(arguments.history) as history:
        async with Publisher(arguments.host, arguments.port, client_id) as publisher:
            await until_stopped(_publish_all(meters, publisher, history, STEP_S / arguments.speed))
            await publisher.drain(10)


def make_fleet(count: int, seed: int, fault_share: float) -> list[Meter]:
    """`count` meters named meter-001 and so on."""
    series = water_flow()
    names = [f"meter-{number:03d}" for number in range(1, count + 1)]
    plans = [FaultPlan(seed, name, fault_share) for name in names]
    return [
        Meter(name, series, plan, number, count, STEP_S)
        for number, (name, plan) in enumerate(zip(names, plans, strict=True))
    ]


async def _publish_all(meters: list[Meter], publisher: Publisher, history: HistoryWriter, period_s: float) -> None:
    topics = {meter.device: topic_field(f"devices/{meter.device}/telemetry") for meter in meters}
    start, steps = time.monotonic(), 0
    while True:
        meter = meters[steps % len(meters)]
        outgoing = meter.step(time.time_ns() // 1_000)
        history.add(out.sent for out in outgoing)
        await publisher.publish([_message(topics[meter.device], out) for out in outgoing])
        steps += 1
        await asyncio.sleep(max(0.0, start + steps * period_s / len(meters) - time.monotonic()))


def _message(topic: bytes, out: Outgoing) -> Message:
    return Message(topic, out.body, out.sent.number)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--meters", type=int, default=20, help="how many meters")
    parser.add_argument("--speed", type=float, default=3_600, help="times real time; 3600 is one hourly value a second")
    parser.add_argument("--faults", type=float, default=0.02, help="share of steps that begin a fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--history", type=Path, default=Path(".headrace/fleet.jsonl"), help="where to log what is sent")
    return parser.parse_args()


if __name__ == "__main__":
    main()
