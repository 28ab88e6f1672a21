"""The ports of one stack."""

from __future__ import annotations

import dataclasses
import errno
import json
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
_FREE_FROM = 10_000
_WORKER_STEP = 100
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True)
class Ports:
    """One TCP port per listener; a service's port serves its health, its metrics and, for serve_api, the API."""

    mqtt: int = 1883
    kafka: int = 9092
    kafka_controller: int = 9093
    cassandra: int = 9042
    cassandra_storage: int = 7000
    prometheus: int = 9090
    serve_api: int = 8000
    ingest_mqtt: int = 9101
    process_readings: int = 9102
    sink_cassandra: int = 9103
    ingest_sources: int = 9104
    train_models: int = 9105
    process_predictions: int = 9106
    process_interactions: int = 9107
    mlflow: int = 5000
    postgres: int = 5432
    rabbitmq: int = 5672
    rabbitmq_dist: int = 25672
    demo_api: int = 8090

    @classmethod
    def defaults(cls) -> Ports:
        return cls()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Ports:
        """The defaults, each replaced by `HEADRACE_PORT_<NAME>` where that is set.

        Raises ValueError for a value that is no port number.
        """
        chosen = {name: environment[variable(name)] for name in cls.names() if environment.get(variable(name))}
        return cls(**{name: _port_number(variable(name), value) for name, value in chosen.items()})

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody listens on now and that no other caller is given while this process runs.

        They lie below the range from which the system picks ports for outgoing connections: inside it, a client that
        retries against a killed broker can be given the broker's own port.
        """
        first = _claim_block(len(cls.names()))
        return cls(**{name: first + index for index, name in enumerate(cls.names())})

    @classmethod
    def load(cls, path: Path) -> Ports | None:
        """The ports that `save` wrote, or None where there are none."""
        return cls(**json.loads(path.read_text())) if path.exists() else None

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def names(cls) -> list[str]:
        return [field.name for field in dataclasses.fields(cls)]


def variable(name: str) -> str:
    """The environment variable that moves the port `name`."""
    return f"HEADRACE_PORT_{name.upper()}"


def worker_port(first: int, number: int) -> int:
    """The port of the `number`-th worker of a service, from the port of its first."""
    return first + _WORKER_STEP * (number - 1)


def can_bind(port: int, host: str = HOST) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def _claim_block(size: int) -> int:
    """The first of `size` neighbouring ports on which nobody listens, claimed against other callers of this machine.

    The claim is an abstract Unix socket, which the kernel frees when this process ends.
    """
    free_to = int(_EPHEMERAL_RANGE.read_text().split()[0]) if _EPHEMERAL_RANGE.exists() else 32_768
    blocks = list(range(_FREE_FROM, max(free_to, _FREE_FROM + 2_000) - size, size))
    random.SystemRandom().shuffle(blocks)
    for first in blocks:
        if all(can_bind(port) for port in range(first, first + size)) and _claim(first):
            return first
    raise OSError(errno.EADDRNOTAVAIL, f"no {size} free ports between {_FREE_FROM} and {free_to}")


def _claim(first: int) -> bool:
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(f"\0headrace-ports-{first}")
        except OSError:
            return False
        # Without its object the socket stays open until the process ends.
        claim.detach()
    return True


def _port_number(name: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65_536:
        raise ValueError(f"{name}={value} is not a port number: set it to 1..65535")
    return int(value)
