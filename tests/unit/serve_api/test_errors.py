"""Errors that nobody foresaw, and those that pass."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from headrace.errors import TransientError
from serve_api import problems
from serve_api.body_limit import BodyLimit
from serve_api.metrics import Metrics, RequestMetrics


def _ask(route: Callable[[], object]) -> tuple[httpx.Response, CollectorRegistry]:
    registry = CollectorRegistry()
    app = FastAPI()
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestMetrics, metrics=Metrics(registry))
    problems.install(app)
    app.get("/route/{name}")(route)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/route/secret-name")

    return asyncio.run(ask()), registry


def _raising(error: Exception) -> Callable[[], object]:
    async def route() -> object:
        raise error

    return route


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ZeroDivisionError("inner detail"), 500, "unexpected"),
        (TransientError("Cassandra did not answer"), 503, "unavailable"),
        (problems.not_found("it is not there", "look elsewhere"), 404, "not-found"),
    ],
)
def test_an_error_is_a_problem_document_and_is_counted_once(error: Exception, status: int, kind: str) -> None:
    answer, registry = _ask(_raising(error))
    assert (answer.status_code, answer.headers["content-type"]) == (status, problems.MEDIA_TYPE)
    document = json.loads(answer.content)
    assert document["type"] == f"urn:headrace:problem:{kind}"
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "inner detail" not in answer.text
    labels = {"service": "serve_api", "method": "GET", "route": "/route/{name}", "status": str(status)}
    assert registry.get_sample_value("headrace_api_requests_total", labels) == 1


def test_a_body_that_does_not_come_is_given_up() -> None:
    app = FastAPI()
    app.add_middleware(BodyLimit, longest=0.05)
    problems.install(app)

    @app.put("/route")
    async def route(content: dict[str, int]) -> dict[str, int]:
        return content

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            async with asyncio.timeout(5):
                assert (await client.put("/route", json={"a": 1})).json() == {"a": 1}
                return await client.put("/route", content=slow())

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert "send it again" in answer.json()["detail"]
