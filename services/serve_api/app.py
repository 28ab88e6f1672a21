"""Builds the application: the only place in which clients are made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from headrace.clock import SystemClock
from headrace.metrics import new_registry
from serve_api import problems
from serve_api.body_limit import BodyLimit
from serve_api.cassandra_client import CassandraClient
from serve_api.cassandra_store import STATEMENTS, CassandraStore
from serve_api.confirmed_writer import ConfirmedWriter
from serve_api.device_types import load_type_zones
from serve_api.live_feed import LiveFeed
from serve_api.live_hub import LiveHub
from serve_api.metrics import Metrics, RequestMetrics
from serve_api.push_intake import PushIntake
from serve_api.push_keys import PushKeys
from serve_api.registry_writer import RegistryWriter
from serve_api.routes import anomalies, devices, ingest, latest, live, operations, readings, windows
from serve_api.services import Services
from serve_api.settings import DEVICE_TYPES_FILE, Settings

_DESCRIPTION = """
Devices, their readings, windows and anomalies, both live streams, and what sources are sent. Lists answer
`{"items": [...], "next": null}`; pass `next` as `cursor` for the next page. Times are ISO 8601 with a zone, or
epoch numbers in s, ms, µs or ns; `from` is part of a range and `to` is not. Errors are `application/problem+json`
(RFC 9457).
"""


def build_app(settings: Settings) -> FastAPI:
    """The application; its clients are made and closed by its lifespan.

    Raises:
        ConfigurationError: the device-type file is missing or wrong, or the folder of push keys is missing.
    """
    metrics = Metrics(new_registry())
    type_zones = load_type_zones(settings.device_types_file or DEVICE_TYPES_FILE)
    push_keys = PushKeys(settings.push_keys)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _clients(settings, metrics, type_zones, push_keys) as services:
            app.state.services = services
            yield

    app = FastAPI(title="Headrace", version="1", description=_DESCRIPTION, lifespan=lifespan)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestMetrics, metrics=metrics)
    problems.install(app)
    for resource in (devices, latest, readings, windows, anomalies, live, ingest, operations):
        app.include_router(resource.router)
    return app


@asynccontextmanager
async def _clients(
    settings: Settings, metrics: Metrics, type_zones: dict[str, str], push_keys: PushKeys
) -> AsyncIterator[Services]:
    clock = SystemClock()
    hub = LiveHub(metrics, settings.live_max_clients, settings.live_queue)
    feed = LiveFeed(settings.brokers, hub, metrics)
    writer = ConfirmedWriter(settings.brokers, settings.delivery_timeout)
    pushes = PushIntake(
        push_keys, writer, clock, settings.push_tolerance, settings.push_max_open, settings.push_body_timeout
    )
    cassandra = CassandraClient(settings, STATEMENTS, metrics)
    feed.start()
    writer.start()
    cassandra.start()
    try:
        store, registry = CassandraStore(cassandra), RegistryWriter(writer)
        yield Services(settings, clock, metrics, store, registry, pushes, hub, feed, type_zones)
    finally:
        feed.stop()
        writer.stop()
        await cassandra.stop()
