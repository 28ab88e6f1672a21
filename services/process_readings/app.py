"""Wires process_readings: the only place that builds its clients."""

from headrace.crash import crash
from headrace.logs import configure_logs
from headrace.metrics import new_registry
from headrace.streams.engine import Engine
from headrace.streams.topic_checks import check_topics
from headrace.streams.topology import Topology
from headrace.streams.watched_worker import watched_worker
from headrace.streams.worker import kafka_engine, run_worker
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
    registry = new_registry()
    app, health = watched_worker(NAME, settings, engine, registry)
    RuleMetrics(rules.counts, registry)
    with health:
        check_topics(settings.brokers, engine.topology)
        catalog.start(CATALOG_TIMEOUT_S)
        try:
            return run_worker(app)
        finally:
            catalog.stop()


def _engine(settings: Settings, topology: Topology) -> Engine:
    return kafka_engine(settings.brokers, topology, settings.checkpoint_policy(), settings.idle_after_s)
