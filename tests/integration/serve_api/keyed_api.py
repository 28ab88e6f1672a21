"""An API that asks for keys, as a process of its own beside the one of all other tests."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import environment


@contextmanager
def keyed_api(stack: Stack, clients: Path) -> Iterator[str]:
    """Its URL, for as long as the block."""
    port = Ports.free().serve_api
    url = f"http://{stack.host}:{port}"
    variables = {
        **stack.variables("serve_api"),
        **environment(stack),
        "SERVE_API_HTTP_PORT": str(port),
        "SERVE_API_CLIENTS": str(clients),
    }
    with (clients.parent / "api.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "serve_api"], stdout=log, stderr=log, env=variables)
    try:
        wait_until(lambda: _answers(url), "the API with keys to be ready")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
