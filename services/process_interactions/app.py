"""Wires process_interactions: the only place that builds its clients."""

from headrace.clock import SystemClock
from headrace.crash import crash
from headrace.logs import configure_logs
from headrace.metrics import new_registry
from headrace.streams.changelog import KafkaLogs
from headrace.streams.engine import Engine
from headrace.streams.topic_checks import check_topics
from headrace.streams.topology import Topology
from headrace.streams.transaction import KafkaTransactions, Transactions
from headrace.streams.versions import RenamedOutputs, internal_names, with_version
from headrace.streams.watched_worker import watched_worker
from headrace.streams.worker import run_worker
from process_interactions.learning.metrics import LearningMetrics
from process_interactions.metrics import SubjectMetrics
from process_interactions.settings import Settings
from process_interactions.stage_rules import learning_rules, subject_rules
from process_interactions.topology import interactions_topology, learning_stage

NAME = "process_interactions"
_IDLE_AFTER_S = 0.5
"""What the online model learned last is published then, where nothing follows it."""


def run(settings: Settings) -> int:
    """Runs the worker until a signal; returns the exit status."""
    configure_logs(NAME, settings.log_level)
    subjects, learning = subject_rules(settings), learning_rules(settings)
    engine = _engine(settings, interactions_topology(settings.group, subjects, learning_stage(learning)))
    registry = new_registry()
    app, health = watched_worker(NAME, settings, engine, registry)
    SubjectMetrics(subjects.counts, registry)
    LearningMetrics(learning.counts, registry)
    with health:
        check_topics(settings.brokers, engine.topology)
        return run_worker(app)


def _engine(settings: Settings, topology: Topology) -> Engine:
    names = internal_names(topology, settings.version) if settings.version else {}

    def transactions(name: str) -> Transactions:
        return RenamedOutputs(KafkaTransactions(settings.brokers, name), names)

    versioned = with_version(topology, settings.version)
    policy = settings.checkpoint_policy()
    return Engine(versioned, transactions, KafkaLogs(settings.brokers), SystemClock(), crash, policy, _IDLE_AFTER_S)
