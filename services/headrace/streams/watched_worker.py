"""A processor's worker with its lag, metrics and health."""

from prometheus_client import CollectorRegistry

from headrace.health import HealthServer
from headrace.streams.engine import Engine
from headrace.streams.faust_batches import BatchApp
from headrace.streams.metrics import EngineMetrics, Lag
from headrace.streams.settings import ProcessorSettings
from headrace.streams.worker import build_worker


def watched_worker(
    service: str, settings: ProcessorSettings, engine: Engine, registry: CollectorRegistry
) -> tuple[BatchApp, HealthServer]:
    """The worker, not started, and its health: live while no batch takes too long, ready once its state is read.

    Raises:
        ConfigurationError: the health's port is taken.
    """
    lag = Lag()

    def note_lag(app: BatchApp) -> None:
        lag.note(app.end_offsets(), engine.committed())

    app = build_worker(settings.brokers, engine, note_lag, broker_max_poll_records=settings.max_batch_records)
    EngineMetrics(service, engine, lag, registry)
    health = HealthServer(
        settings.http_host,
        settings.http_port,
        registry,
        live={"batch": lambda: _stuck(engine, settings.stuck_after_s)},
        ready={"assignment": lambda: _not_ready(app, engine)},
    )
    return app, health


def _not_ready(app: BatchApp, engine: Engine) -> str | None:
    if not app.has_joined():
        return "not in the consumer group yet"
    return None if engine.is_recovered() else "reading its state"


def _stuck(engine: Engine, limit: float) -> str | None:
    busy = engine.busy_for()
    return f"one batch takes {busy:.0f} s already" if busy > limit else None
