"""mosquitto with a configuration of one test."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.ports import can_bind
from headrace.testing import wait_until

_FIRST_PORT = 9_300


@contextmanager
def own_broker(folder: Path, lines: str) -> Iterator[int]:
    """Runs mosquitto with these lines behind its listener; gives its port."""
    port = next(port for port in range(_FIRST_PORT, _FIRST_PORT + 300) if can_bind(port))
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nuser {getpass.getuser()}\nsys_interval 1\n{lines}\n")
    with subprocess.Popen(("mosquitto", "-c", str(config)), stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: not can_bind(port), "mosquitto to listen", timeout=10)
            yield port
        finally:
            process.kill()
