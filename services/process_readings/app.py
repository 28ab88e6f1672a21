"""Wires process_readings: the only place that builds its clients."""

from headrace.crash import crash
from headrace.health import HealthServer
from headrace.logs import configure_logs
from headrace.metrics import new_registry
from headrace.streams.checkpoint import CheckpointPolicy
from headrace.streams.engine import Engine
from headrace.streams.faust_batches import BatchApp
from headrace.streams.metrics import EngineMetrics, Lag
from headrace.streams.topic_checks import check_topics
from headrace.streams.topology import Topology
from headrace.streams.worker import build_worker, kafka_engine, run_worker
from process_readings.device_catalog import DeviceCatalog
from process_readings.metrics import RuleMetrics
from process_readings.settings import Settings
from process_readings.topology import readings_rules, readings_topology

NAME = "process_readings"
CATALOG_TIMEOUT_S = 60.0


def run(settings: Settings) -> int:
    """Runs the worker until a signal; returns the exit status."""
    configure_logs(NAME, settings.log_level)
    catalog = DeviceCatalog(settings.brokers, on_failure=crash)
    rules = readings_rules(settings, catalog.get)
    engine = _engine(settings, readings_topology(settings.group, rules, settings.version))
    lag = Lag()

    def note_lag(app: BatchApp) -> None:
        lag.note(app.end_offsets(), engine.committed())

    app = build_worker(settings.brokers, engine, note_lag, broker_max_poll_records=settings.max_batch_records)
    registry = new_registry()
    EngineMetrics(NAME, engine, lag, registry)
    RuleMetrics(rules.counts, registry)
    health = HealthServer(
        settings.http_host,
        settings.http_port,
        registry,
        live={"batch": lambda: _stuck(engine, settings.stuck_after_s)},
        ready={"assignment": lambda: _not_ready(app, engine)},
    )
    with health:
        check_topics(settings.brokers, engine.topology)
        catalog.start(CATALOG_TIMEOUT_S)
        try:
            return run_worker(app)
        finally:
            catalog.stop()


def _engine(settings: Settings, topology: Topology) -> Engine:
    policy = CheckpointPolicy(settings.checkpoint_min_ms / 1_000, settings.checkpoint_max_ms / 1_000)
    return kafka_engine(settings.brokers, topology, policy, settings.idle_after_s)


def _not_ready(app: BatchApp, engine: Engine) -> str | None:
    if not app.has_joined():
        return "not in the consumer group yet"
    return None if engine.is_recovered() else "reading its state"


def _stuck(engine: Engine, limit: float) -> str | None:
    busy = engine.busy_for()
    return f"one batch takes {busy:.0f} s already" if busy > limit else None
