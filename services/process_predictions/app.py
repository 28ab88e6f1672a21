"""Wires process_predictions: the only place that builds its clients."""

import logging
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from headrace.crash import crash
from headrace.errors import ConfigurationError
from headrace.health import HealthServer
from headrace.logs import configure_logs
from headrace.metrics import new_registry
from headrace.models.deployments import Deployments
from headrace.models.loaded_version import LoadedVersion
from headrace.models.model_loading import ModelLoading
from headrace.models.online import OnlineModel, load_online_models
from headrace.models.promoted import PromotedModels
from headrace.models.records import Change
from headrace.models.stream import Stream, load_streams
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.replay.interrupt import stop_on_signals
from headrace.streams.engine import Engine
from headrace.streams.topic_checks import check_topics
from headrace.streams.topology import Topology
from headrace.streams.watched_worker import watched_worker
from headrace.streams.worker import kafka_engine, run_worker_until
from process_predictions.counts import ScoringCounts
from process_predictions.metrics import DeadLetterMetrics, OnlineMetrics, PromotionMetrics, ScoringMetrics
from process_predictions.online.family import families
from process_predictions.online.rules import OnlineRules
from process_predictions.roles import Roles
from process_predictions.scored_topics import TopicWatch, prepare_streams
from process_predictions.scoring.rules import ScoringRules
from process_predictions.settings import Settings
from process_predictions.topology import predictions_topology

NAME = "process_predictions"
PROMOTED_TIMEOUT_S = 60.0
_FIRST_LOAD_S = 15.0
_LOOK_S = 0.5
log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Runs the worker until a signal; returns the exit status.

    Where a topic that a model scores is made meanwhile, the worker ends in order and is built again with it: a consumer
    group's member can't take another topic, with its own changelog, while it runs.
    """
    configure_logs(NAME, settings.log_level)
    with tempfile.TemporaryDirectory(prefix="models-") as scratch:
        while (status := _run(settings, settings.model_scratch or Path(scratch))) is None:
            log.info("the worker is built again with the topics that are there now")
        return status


def _run(settings: Settings, scratch: Path) -> int | None:
    """Returns the exit status, or None where it goes on with other topics."""
    wanted = load_streams(settings.models)
    models = load_online_models(settings.models)
    if not models and not wanted:
        raise ConfigurationError(f"no file in {settings.models} is of `task: online` or has a `stream:`")
    streams = prepare_streams(settings.brokers, wanted, settings.replication)
    missing = {wanted[name].topic for name in wanted.keys() - streams.keys()}
    with TopicWatch(settings.brokers, missing) as watch:
        if not models and not streams:
            return _wait(settings, watch)
        return _work(settings, models, streams, scratch, watch)


def _wait(settings: Settings, watch: TopicWatch) -> int | None:
    def missing() -> str:
        return f"none of the topics is there that models score: {', '.join(watch.missing)}"

    stop = threading.Event()
    health = HealthServer(settings.http_host, settings.http_port, new_registry(), ready={"topics": missing})
    with stop_on_signals(stop), health:
        while not stop.wait(_LOOK_S):
            if watch.is_there():
                return None
    return 0


def _work(
    settings: Settings,
    models: Sequence[OnlineModel],
    streams: Mapping[str, Stream],
    scratch: Path,
    watch: TopicWatch,
) -> int | None:
    registry = new_registry()
    roles = Roles(models)
    online = OnlineRules(families(models), roles.get, forget_after_s=settings.forget_after_s) if models else None
    counts = ScoringCounts()
    deployments: Deployments[LoadedVersion] = Deployments()
    loader = VersionLoader(settings.model_keys, "PROCESS_PREDICTIONS_MODEL_KEYS", scratch)
    loading = ModelLoading(Swap(loader.load, deployments, counts.note_load).apply, crash)
    if online is not None:
        OnlineMetrics(online.counts, registry)
    ScoringMetrics(deployments, counts, registry, streams, lambda: roles.are_known)
    dead_letters = [counts.dead_letters] if online is None else [counts.dead_letters, online.counts.dead_letters]
    DeadLetterMetrics(dead_letters, registry)

    def on_change(change: Change) -> None:
        roles.take(change)
        if change.name in streams:
            loading.take(change)

    scoring = {
        name: (stream, ScoringRules(name, stream, partial(deployments.promoted, name), settings.site, counts))
        for name, stream in streams.items()
    }
    topology = predictions_topology(settings.group, online, scoring, settings.version)
    engine = _engine(settings, topology)
    app, health = watched_worker(NAME, settings, engine, registry)
    promoted = PromotedModels(settings.brokers, on_change, crash)
    PromotionMetrics(lambda: promoted.undecodable, registry)
    with health:
        check_topics(settings.brokers, engine.topology)
        loading.start()
        promoted.start(PROMOTED_TIMEOUT_S)
        try:
            # Rows would wait for a model anyway, each batch with a warning.
            loading.wait_until_idle(_FIRST_LOAD_S)
            return run_worker_until(app, watch.is_there)
        finally:
            promoted.stop()
            loading.stop()


def _engine(settings: Settings, topology: Topology) -> Engine:
    return kafka_engine(settings.brokers, topology, settings.checkpoint_policy())
