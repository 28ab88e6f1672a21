"""Builds the application: the only place in which clients are made."""

import functools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from headrace.clock import Clock, SystemClock
from headrace.interactions.limits import DAY_US, Limits
from headrace.metrics import new_registry
from headrace.models.deployments import Deployment
from headrace.models.promoted import PromotedModels
from headrace.models.records import ModelVersion
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.pushed import MAX_BYTES as PUSH_BYTES
from headrace.pushed import TOPIC as PUSHED
from headrace.subjects.async_subjects import AsyncSubjects
from headrace.subjects.metrics import SubjectMetrics
from headrace.subjects.scheduled_rotation import ScheduledRotation
from headrace.subjects.subjects import open_subjects
from serve_api import problems
from serve_api.body_limit import BodyLimit
from serve_api.cassandra_client import CassandraClient
from serve_api.cassandra_store import STATEMENTS, CassandraStore
from serve_api.clients.cors import Cors
from serve_api.clients.openapi import with_clients
from serve_api.clients.register import ClientRegister
from serve_api.confirmed_writer import MAX_QUEUED_BYTES, ConfirmedWriter
from serve_api.device_record_writer import FEEDBACK, REGISTRY, DeviceRecordWriter
from serve_api.device_types import load_type_zones
from serve_api.events.event_intake import EventIntake
from serve_api.events.item_intake import ItemIntake
from serve_api.events.places import EventPlaces
from serve_api.experiments.opening import followed_experiments
from serve_api.live_feed import LiveFeed
from serve_api.live_hub import LiveHub
from serve_api.metrics import SERVICE, Metrics, RequestMetrics
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
from serve_api.recommendations.batch_versions import BatchVersions
from serve_api.recommendations.opening import Rules, followed_recommendations, read_rules
from serve_api.routes import (
    anomalies,
    devices,
    events,
    experiments,
    graphql,
    ingest,
    items,
    items_read,
    latest,
    live,
    models,
    operations,
    outcomes,
    predictions,
    readings,
    recommendations,
    shop,
    users,
    windows,
)
from serve_api.services import Services
from serve_api.settings import DEVICE_TYPES_FILE, Settings
from serve_api.users.known import Known
from serve_api.users.subject_records import STATEMENTS as SUBJECT_RECORDS
from serve_api.users.subject_records import SubjectRecords
from serve_api.users.user_data import UserData

_DESCRIPTION = """
Devices, their readings, windows and anomalies, both live streams, what sources are sent, and predictions. Lists answer
`{"items": [...], "next": null}`; pass `next` as `cursor` for the next page. Times are ISO 8601 with a zone, or
epoch numbers in s, ms, µs or ns; `from` is part of a range and `to` is not. Errors are `application/problem+json`
(RFC 9457).
"""

_BODIES = (*outcomes.BODIES, *events.BODIES, *items.BODIES)
_SCORING_THREADS = 2
_PUSH_HEAD_BYTES = 65_536


def build_app(settings: Settings) -> FastAPI:
    """The application; its clients are made and closed by its lifespan.

    Raises:
        ConfigurationError: the file of device types, of clients or of what is recommended, or an experiment, is missing
            or wrong, or the folder of push keys or a file of the shop is missing, or the shop's key is no page's.
    """
    metrics = Metrics(new_registry())
    type_zones = load_type_zones(settings.device_types_file or DEVICE_TYPES_FILE)
    push_keys = PushKeys(settings.push_keys)
    register = ClientRegister(settings.clients, SystemClock(), metrics.clients)
    rules = read_rules(settings)
    subjects = None
    if settings.subject_keys is not None:
        subjects = _subjects(settings, settings.subject_keys, metrics.registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _clients(settings, metrics, type_zones, push_keys, register, subjects, rules) as services:
            app.state.services = services
            yield

    app = FastAPI(title="Headrace", version="1", description=_DESCRIPTION, lifespan=lifespan)
    app.add_middleware(BodyLimit)
    app.add_middleware(Cors, register=register)
    app.add_middleware(RequestMetrics, metrics=metrics)
    problems.install(app)
    # Each router that comes before costs a request 10 us, so what is asked a thousand times a second comes first.
    often = (recommendations, predictions, events)
    stored, streams = (devices, latest, readings, windows, anomalies), (live, ingest)
    people = (items_read, items, users, experiments, graphql)
    for resource in (*often, *stored, *streams, models, outcomes, *people, operations):
        app.include_router(resource.router)
    if settings.shop:
        if settings.clients is not None:
            register.check_page_key(settings.shop_key)
        app.include_router(shop.shop_router(settings.shop_key, takes_users=settings.clients is None))
    _describe_models(app)
    return app


def _subjects(settings: Settings, keys: Path, registry: CollectorRegistry) -> AsyncSubjects:
    found = open_subjects(settings, keys)
    SubjectMetrics(registry, SERVICE, found.store.keys, found.erased)
    rotation = ScheduledRotation(keys, found.store, found.erased) if settings.rotate_subject_keys else None
    return AsyncSubjects(found, rotation)


def _describe_models(app: FastAPI) -> None:
    general = functools.cache(lambda: with_clients(with_bodies(FastAPI.openapi(app), _BODIES)))

    def openapi() -> dict[str, Any]:
        services: Services | None = getattr(app.state, "services", None)
        return general() if services is None else with_models(general(), services.predictions.deployments.champions())

    # FastAPI's way to change what it says of itself: https://fastapi.tiangolo.com/how-to/extending-openapi/
    app.openapi = openapi  # type: ignore[method-assign]


@asynccontextmanager
async def _clients(
    settings: Settings,
    metrics: Metrics,
    type_zones: dict[str, str],
    push_keys: PushKeys,
    register: ClientRegister,
    subjects: AsyncSubjects | None,
    rules: Rules,
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
    limits = Limits(max_age_us=round(settings.events_max_age * DAY_US))
    event_intake = EventIntake(subjects, writer, clock, metrics.events, limits)
    item_intake = ItemIntake(writer, clock, metrics.events)
    cassandra = CassandraClient(settings, {**STATEMENTS, **SUBJECT_RECORDS}, metrics)
    followed = followed_recommendations(settings, metrics.recommendations, writer, subjects, rules, clock)
    tried = followed_experiments(settings.brokers, rules[1], metrics.experiments, clock)
    batches = BatchVersions()
    models = _predictions(settings, metrics, writer, clock, batches)
    with models as predictions, followed as recommended, tried as tried_out:
        sites = recommended.state.sites
        batches.begin(lambda site, batch: sites.of(site).serve_batch(batch), recommended.state.serve_batch)
        feed.start()
        writer.start()
        cassandra.start()
        if subjects is not None:
            subjects.start()
        try:
            store = CassandraStore(cassandra)
            user_data = None
            if subjects is not None:
                known = Known(recommended.state.users, rules[1], clock)
                user_data = UserData(subjects, SubjectRecords(cassandra, clock), known, writer, clock)
            yield Services(
                settings,
                clock,
                metrics,
                store,
                DeviceRecordWriter(writer, REGISTRY),
                DeviceRecordWriter(writer, FEEDBACK),
                pushes,
                hub,
                feed,
                type_zones,
                predictions,
                register,
                event_intake,
                item_intake,
                EventPlaces(settings.events_max_open),
                subjects,
                user_data,
                recommended,
                tried_out,
            )
        finally:
            if subjects is not None:
                await subjects.stop()
            feed.stop()
            writer.stop()
            await cassandra.stop()


@contextmanager
def _predictions(
    settings: Settings, metrics: Metrics, writer: ConfirmedWriter, clock: Clock, batches: BatchVersions
) -> Iterator[Predictions]:
    deployments, recorder = Deployments(), Recorder(writer)
    counted = metrics.predictions
    with ThreadPoolExecutor(_SCORING_THREADS, "scoring") as executor, TemporaryDirectory(prefix="models-") as scratch:
        loader = VersionLoader(settings.model_keys, "SERVE_API_MODEL_KEYS", settings.model_scratch or Path(scratch))

        def load(name: str, version: ModelVersion) -> ServedVersion:
            return ServedVersion(loader.load(name, version), executor)

        def on_swap(deployment: Deployment[ServedVersion]) -> None:
            counted.show(deployment)
            batches.take(deployment)

        def on_withdrawal(name: str) -> None:
            counted.forget(name)
            batches.withdraw(name)

        swap = Swap(load, deployments, counted.count_load, on_swap, on_withdrawal)
        promotions = FollowedPromotions(functools.partial(PromotedModels, settings.brokers), swap.apply, deployments)
        counted.watch_undecodable(promotions.undecodable)
        predictor = Predictor(deployments, recorder, counted, clock, settings.predict_max_open)
        promotions.start()
        try:
            yield Predictions(deployments, promotions, predictor, OutcomeIntake(deployments, recorder, counted, clock))
        finally:
            promotions.stop()
