"""Wires process_readings: the only place that builds its clients."""

from headrace.clock import SystemClock
from headrace.health import HealthServer
from headrace.kafka import Producer
from headrace.logs import configure_logs
from headrace.metrics import new_registry
from headrace.streams.engine import Engine
from headrace.streams.faust_batches import BatchApp
from headrace.streams.history import KafkaHistory
from headrace.streams.worker import build_worker, crash, run_worker
from process_readings.device_catalog import DeviceCatalog
from process_readings.device_types import load_device_types
from process_readings.metrics import Lag, ProcessMetrics
from process_readings.pipeline import PartitionState, ReadingRules
from process_readings.settings import Settings

NAME = "process_readings"
INPUT = "readings.raw"
CATALOG_TIMEOUT_S = 60.0


def run(settings: Settings) -> int:
    """Runs the worker until a signal; returns the exit status."""
    configure_logs(NAME, settings.log_level)
    catalog = DeviceCatalog(settings.brokers, on_failure=crash)
    rules = ReadingRules(
        load_device_types(settings.device_types), catalog.get, settings.future_tolerance_s, settings.idle_after_s
    )
    engine = _engine(settings, rules)
    lag = Lag()

    def note_lag(app: BatchApp) -> None:
        lag.note(app.end_offsets(), engine.done_offsets())

    app = build_worker(
        settings.group, settings.brokers, INPUT, engine, note_lag, broker_max_poll_records=settings.max_batch_records
    )
    registry = new_registry()
    ProcessMetrics(engine.progress, rules.counts, lag, registry)
    health = HealthServer(
        settings.http_host,
        settings.http_port,
        registry,
        live={"batch": lambda: _stuck(engine, settings.stuck_after_s)},
        ready={"assignment": lambda: None if app.has_joined() else "not in the consumer group yet"},
    )
    with health:
        catalog.start(CATALOG_TIMEOUT_S)
        try:
            return run_worker(app)
        finally:
            catalog.stop()


def _engine(settings: Settings, rules: ReadingRules) -> Engine[PartitionState]:
    # No time limit on a delivery: while the brokers are away, outputs wait and input is held back.
    producer = Producer(settings.brokers, NAME, **{"delivery.timeout.ms": 0})
    history = KafkaHistory(settings.brokers, settings.rebuild_horizon_s, settings.rebuild_max_records)
    return Engine(rules, producer, history, SystemClock(), settings.idle_after_s)


def _stuck(engine: Engine[PartitionState], limit: float) -> str | None:
    busy = engine.busy_for()
    return f"one batch takes {busy:.0f} s already" if busy > limit else None
