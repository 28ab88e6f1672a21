"""Builds the application: the only place in which clients are made."""

import functools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI

from headrace.clock import Clock, SystemClock
from headrace.metrics import new_registry
from headrace.models.promoted import PromotedModels
from headrace.models.records import ModelVersion
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.pushed import MAX_BYTES as PUSH_BYTES
from headrace.pushed import TOPIC as PUSHED
from serve_api import problems
from serve_api.body_limit import BodyLimit
from serve_api.cassandra_client import CassandraClient
from serve_api.cassandra_store import STATEMENTS, CassandraStore
from serve_api.confirmed_writer import MAX_QUEUED_BYTES, ConfirmedWriter
from serve_api.device_types import load_type_zones
from serve_api.live_feed import LiveFeed
from serve_api.live_hub import LiveHub
from serve_api.metrics import Metrics, RequestMetrics
from serve_api.predictions.deployments import Deployments
from serve_api.predictions.followed_promotions import FollowedPromotions
from serve_api.predictions.openapi import with_bodies, with_models
from serve_api.predictions.outcome_intake import OutcomeIntake
from serve_api.predictions.predictions import Predictions
from serve_api.predictions.predictor import Predictor
from serve_api.predictions.recorder import Recorder
from serve_api.predictions.served_version import ServedVersion
from serve_api.push_intake import PushIntake
from serve_api.push_keys import PushKeys
from serve_api.registry_writer import RegistryWriter
from serve_api.routes import (
    anomalies,
    devices,
    ingest,
    latest,
    live,
    models,
    operations,
    outcomes,
    predictions,
    readings,
    windows,
)
from serve_api.services import Services
from serve_api.settings import DEVICE_TYPES_FILE, Settings

_DESCRIPTION = """
Devices, their readings, windows and anomalies, both live streams, what sources are sent, and predictions. Lists answer
`{"items": [...], "next": null}`; pass `next` as `cursor` for the next page. Times are ISO 8601 with a zone, or
epoch numbers in s, ms, µs or ns; `from` is part of a range and `to` is not. Errors are `application/problem+json`
(RFC 9457).
"""

_SCORING_THREADS = 2
_PUSH_HEAD_BYTES = 65_536


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
    stored, streams = (devices, latest, readings, windows, anomalies), (live, ingest)
    for resource in (*stored, *streams, models, predictions, outcomes, operations):
        app.include_router(resource.router)
    _describe_models(app)
    return app


def _describe_models(app: FastAPI) -> None:
    general = functools.cache(lambda: with_bodies(FastAPI.openapi(app), outcomes.BODIES))

    def openapi() -> dict[str, Any]:
        services: Services | None = getattr(app.state, "services", None)
        return general() if services is None else with_models(general(), services.predictions.deployments.champions())

    # FastAPI's way to change what it says of itself: https://fastapi.tiangolo.com/how-to/extending-openapi/
    app.openapi = openapi  # type: ignore[method-assign]


@asynccontextmanager
async def _clients(
    settings: Settings, metrics: Metrics, type_zones: dict[str, str], push_keys: PushKeys
) -> AsyncIterator[Services]:
    clock = SystemClock()
    hub = LiveHub(metrics, settings.live_max_clients, settings.live_queue)
    feed = LiveFeed(settings.brokers, hub, metrics)
    # As many pushes as may be open are bounded by that alone.
    pushed = settings.push_max_open * (PUSH_BYTES + _PUSH_HEAD_BYTES)
    writer = ConfirmedWriter(settings.brokers, settings.delivery_timeout, {PUSHED: max(pushed, MAX_QUEUED_BYTES)})
    pushes = PushIntake(
        push_keys, writer, clock, settings.push_tolerance, settings.push_max_open, settings.push_body_timeout
    )
    cassandra = CassandraClient(settings, STATEMENTS, metrics)
    with _predictions(settings, metrics, writer, clock) as predictions:
        feed.start()
        writer.start()
        cassandra.start()
        try:
            store, registry = CassandraStore(cassandra), RegistryWriter(writer)
            yield Services(settings, clock, metrics, store, registry, pushes, hub, feed, type_zones, predictions)
        finally:
            feed.stop()
            writer.stop()
            await cassandra.stop()


@contextmanager
def _predictions(settings: Settings, metrics: Metrics, writer: ConfirmedWriter, clock: Clock) -> Iterator[Predictions]:
    deployments, recorder = Deployments(), Recorder(writer)
    counted = metrics.predictions
    with ThreadPoolExecutor(_SCORING_THREADS, "scoring") as executor, TemporaryDirectory(prefix="models-") as scratch:
        loader = VersionLoader(settings.model_keys, "SERVE_API_MODEL_KEYS", settings.model_scratch or Path(scratch))

        def load(name: str, version: ModelVersion) -> ServedVersion:
            return ServedVersion(loader.load(name, version), executor)

        swap = Swap(load, deployments, counted.count_load, counted.show, counted.forget)
        promotions = FollowedPromotions(functools.partial(PromotedModels, settings.brokers), swap.apply, deployments)
        counted.watch_undecodable(promotions.undecodable)
        predictor = Predictor(deployments, recorder, counted, clock, settings.predict_max_open)
        promotions.start()
        try:
            yield Predictions(deployments, promotions, predictor, OutcomeIntake(deployments, recorder, counted, clock))
        finally:
            promotions.stop()
