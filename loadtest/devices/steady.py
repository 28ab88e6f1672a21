"""Three metrics a message at a steady rate, cheaply: `python -m loadtest.devices.steady --help`.

Ends with one line of JSON: how many messages the broker acknowledged, when it started by the machine's monotonic clock,
in how many seconds, with how much CPU.
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass

from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.pace import paced
from loadtest.devices.publisher import Message, Publisher

_VALUE_SETS = 4_096


@dataclass(frozen=True)
class Options:
    """`rate` 0 is as fast as the broker takes them."""

    host: str
    port: int
    rate: float
    count: int
    devices: int
    window: int


class SteadyReadings:
    """Messages of many devices in turn; values wander in a plausible range, times of a device never repeat."""

    def __init__(self, devices: int, seed: int) -> None:
        own = random.Random(seed)
        self._topics = [topic_field(f"devices/steady-{index:04d}/telemetry") for index in range(devices)]
        self._values = [
            b'"values":{"temperature":%.2f,"humidity":%.1f,"pressure":%.1f}}'
            % (own.gauss(21, 0.5), own.gauss(45, 2), own.gauss(1_013, 1))
            for _ in range(_VALUE_SETS)
        ]
        self._last_ms = [0] * devices
        self._number = 0

    def make(self, count: int) -> list[Message]:
        """The next `count` messages, with the time that it is now."""
        now_ms = time.time_ns() // 1_000_000
        messages = []
        for number in range(self._number, self._number + count):
            index = number % len(self._topics)
            time_ms = self._last_ms[index] = max(now_ms, self._last_ms[index] + 1)
            body = b'{"ts":%d,"seq":%d,' % (time_ms, number) + self._values[number % _VALUE_SETS]
            messages.append(Message(self._topics[index], body, number))
        self._number += count
        return messages


async def run(options: Options) -> dict[str, float]:
    """Sends `count` messages; seconds are until the last PUBACK."""
    readings = SteadyReadings(options.devices, 1)
    async with Publisher(options.host, options.port, "steady", window=options.window) as publisher:
        start, cpu = time.monotonic(), time.process_time()
        if options.rate:
            async for due in paced(options.rate, options.count):
                await publisher.publish(readings.make(due))
        else:
            for begin in range(0, options.count, 500):
                await publisher.publish(readings.make(min(500, options.count - begin)))
        await publisher.drain(120)
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    return {"acknowledged": publisher.acknowledged, "started": start, "seconds": seconds, "cpu_seconds": cpu}


def main() -> None:
    """Runs once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--rate", type=float, default=1_000, help="messages a second; 0: as fast as it goes")
    parser.add_argument("--count", type=int, default=10_000, help="how many messages")
    parser.add_argument("--devices", type=int, default=1_000, help="how many devices")
    parser.add_argument("--window", type=int, default=2_000, help="messages that may be unacknowledged")
    print(json.dumps(asyncio.run(run(Options(**vars(parser.parse_args()))))))


if __name__ == "__main__":
    main()
