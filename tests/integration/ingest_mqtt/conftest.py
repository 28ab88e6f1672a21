"""A bridge and a device for each test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.integration.ingest_mqtt.bridge_process import Bridge, running
from tests.integration.ingest_mqtt.device import Device, device

StartBridge = Callable[..., Bridge]


@pytest.fixture
def start_bridge(stack: Stack, tmp_path: Path) -> Iterator[StartBridge]:
    """Starts a bridge with settings such as `INGEST_MQTT_MQTT_VERSION="3.1.1"`; it ends with the test."""
    with ExitStack() as ending:

        def start(name: str | None = None, ready: bool = True, **environment: str) -> Bridge:
            bridge = Bridge(stack, tmp_path, environment, name or f"t{uuid.uuid4().hex[:12]}")
            return ending.enter_context(running(bridge, ready))

        yield start


@pytest.fixture
def player(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device."""
    with device(stack.ports.mqtt, f"d{abs(hash(request.node.name))}") as connected:
        yield connected
