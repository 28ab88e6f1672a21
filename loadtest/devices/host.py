"""This machine as a device: its own sensors over MQTT. `python -m loadtest.devices.host --help`."""

import argparse
import asyncio
import re
import socket
import time

import msgspec
import psutil

from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher
from loadtest.devices.stop import until_stopped


class HostSensors:
    """Reads the machine's sensors; rates are per second since the last reading."""

    def __init__(self) -> None:
        psutil.cpu_percent()
        self._last_time = time.monotonic()
        self._last_counts = _byte_counts()

    def read(self) -> dict[str, float]:
        """Values by metric: percentages of use, bytes per second, degrees Celsius where the machine tells them."""
        values = {
            "cpu_percent": psutil.cpu_percent(),
            "memory_percent": psutil.virtual_memory().percent,
            "disk_percent": psutil.disk_usage("/").percent,
            "load_1m": psutil.getloadavg()[0],
        }
        return {**values, **self._rates(), **_temperatures()}

    def _rates(self) -> dict[str, float]:
        now, counts = time.monotonic(), _byte_counts()
        seconds = max(now - self._last_time, 1e-3)
        rates = {
            f"{name}_per_second": round((count - self._last_counts.get(name, count)) / seconds, 1)
            for name, count in counts.items()
        }
        self._last_time, self._last_counts = now, counts
        return rates


def _byte_counts() -> dict[str, int]:
    disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
    counts = {"network_sent_bytes": network.bytes_sent, "network_received_bytes": network.bytes_recv}
    # A container may show no disk of its own.
    return counts | ({"disk_read_bytes": disk.read_bytes, "disk_write_bytes": disk.write_bytes} if disk else {})


def _temperatures() -> dict[str, float]:
    found = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return {
        re.sub(r"\W+", "_", f"temperature_{chip}_{sensor.label or number}".lower()): sensor.current
        for chip, sensors in found.items()
        for number, sensor in enumerate(sensors)
    }


def device_name() -> str:
    """The name under which this machine publishes: its host name as one topic level."""
    return "host-" + re.sub(r"[^\w.-]+", "-", socket.gethostname())


async def run(host: str, port: int, device: str, every_s: float) -> None:
    """Publishes a reading of all sensors every `every_s` seconds until stopped."""
    async with Publisher(host, port, f"sensors-{device}") as publisher:
        await until_stopped(_publish(publisher, device, every_s))
        await publisher.drain(10)


async def _publish(publisher: Publisher, device: str, every_s: float) -> None:
    sensors, topic = HostSensors(), topic_field(f"devices/{device}/telemetry")
    # The sequence number goes on over a restart, so that no two readings share one.
    seq = time.time_ns() // 1_000_000_000
    while True:
        await asyncio.sleep(every_s)
        seq += 1
        body = {"ts": time.time_ns() // 1_000_000, "seq": seq, "values": sensors.read()}
        await publisher.publish([Message(topic, msgspec.json.encode(body), seq)])


def main() -> None:
    """Runs until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--device", default=device_name())
    parser.add_argument("--every", type=float, default=1.0, help="seconds between readings")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.host, arguments.port, arguments.device, arguments.every))


if __name__ == "__main__":
    main()
