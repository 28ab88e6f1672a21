"""The demo's devices, each a process that publishes over MQTT: a fleet of meters and this machine's own sensors."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from deploy.local.demo_process import running
from deploy.local.stack import Stack
from loadtest.devices.host import device_name

METER_TYPE, HOST_TYPE = "water_meter", "host"


@dataclass(frozen=True)
class FleetOptions:
    """How many meters, how much faster than the real hour-by-hour series, and which share of steps begins a fault."""

    meters: int
    speed: float
    faults: float
    seed: int


@contextmanager
def publishing(stack: Stack, options: FleetOptions) -> Iterator[None]:
    """Runs both for the length of the block; only these two are ended at its end."""
    history = stack.layout.root / "fleet.jsonl"
    history.unlink(missing_ok=True)
    broker = ["--host", stack.host, "--port", str(stack.ports.mqtt)]
    fleet = [f"--meters={options.meters}", f"--speed={options.speed}", f"--faults={options.faults}"]
    fleet += [f"--seed={options.seed}", f"--history={history}"]
    with (
        running(stack, "fleet", "loadtest.devices.fleet", [*broker, *fleet]),
        running(stack, "host_sensors", "loadtest.devices.host", broker),
    ):
        yield


def register_types(stack: Stack, meters: int) -> None:
    """Tells the registry what the devices are, as an operator would by the API; what it refuses stays as it is."""
    types = {f"meter-{number:03d}": METER_TYPE for number in range(1, meters + 1)} | {device_name(): HOST_TYPE}
    for device, device_type in types.items():
        body = json.dumps({"type": device_type, "labels": {"source": "demo"}, "expected_interval": 1.0}).encode()
        url = f"{stack.url('serve_api')}/v1/devices/{device}"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers, method="PUT")  # noqa: S310 - http on loopback, built by us
        with suppress(OSError), urllib.request.urlopen(request, timeout=5):  # noqa: S310 - as above
            pass
