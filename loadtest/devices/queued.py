"""Publishes a number of messages and ends when the broker has them: `python -m loadtest.devices.queued --help`.

Receipts are asked for and not waited for.
"""

import argparse
import asyncio

from loadtest.devices.publisher import Publisher
from loadtest.devices.steady import SteadyReadings


async def run(port: int, count: int, receipts: bool) -> None:
    """Sends `count` messages to a broker on this machine."""
    readings = SteadyReadings(1_000, 1)
    on_receipts = (lambda _: None) if receipts else None
    async with Publisher("127.0.0.1", port, "queued", window=5_000, on_receipts=on_receipts) as publisher:
        for begin in range(0, count, 500):
            await publisher.publish(readings.make(min(500, count - begin)))
        await publisher.drain(120)


def main() -> None:
    """Runs once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--count", type=int, default=10_000, help="how many messages")
    parser.add_argument("--receipts", action="store_true", help="ask for receipts")
    options = parser.parse_args()
    asyncio.run(run(options.port, options.count, options.receipts))


if __name__ == "__main__":
    main()
