"""Who may read `/metrics`: this machine, and whose key says so."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import httpx
from fastapi import FastAPI

from headrace.metrics import new_registry
from headrace.testing import FakeClock
from serve_api import problems
from serve_api.clients.register import ClientRegister
from serve_api.metrics import Metrics
from serve_api.routes import operations
from tests.api_clients import entry, new_key, write_clients

PROMETHEUS, OTHER = new_key(), new_key()


def _status(clients: Path | None, address: str, key: str | None = None) -> int:
    app, metrics = FastAPI(), Metrics(new_registry())
    app.include_router(operations.router)
    problems.install(app)
    register = ClientRegister(clients, FakeClock(), metrics.clients)
    app.state.services = SimpleNamespace(clients=register, metrics=metrics, settings=SimpleNamespace(site="default"))

    async def ask() -> int:
        transport = httpx.ASGITransport(app, client=(address, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            answer = await client.get("/metrics", headers={"x-api-key": key} if key else {})
            return answer.status_code

    return asyncio.run(ask())


def test_from_elsewhere_metrics_need_a_key_where_clients_are_set(tmp_path: Path) -> None:
    clients = write_clients(tmp_path, entry("prometheus", PROMETHEUS, scopes=["metrics"]), entry("other", OTHER))
    assert _status(clients, "192.0.2.1") == 401
    assert _status(clients, "192.0.2.1", OTHER) == 403
    assert _status(clients, "192.0.2.1", PROMETHEUS) == 200
    assert _status(clients, "127.0.0.1") == 200
    assert _status(None, "192.0.2.1") == 200
