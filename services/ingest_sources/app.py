"""Builds the sources from their settings: the only place that makes clients."""

import logging
import signal
import threading
import time
from contextlib import suppress
from types import FrameType

from headrace.clock import SystemClock
from headrace.collector import relax_collector
from headrace.crash import crash
from headrace.errors import ConfigurationError, TransientError
from headrace.health import HealthServer
from headrace.metrics import new_registry
from headrace.streams.task import OnStep, no_step
from headrace.streams.transaction import KafkaTransactions
from headrace.topics import Topic, create_topics
from ingest_sources.file_loader import FileLoader
from ingest_sources.folder_changes import FolderChanges
from ingest_sources.folder_run import FolderRun, OnFile, Outcome
from ingest_sources.keys import load_keys
from ingest_sources.ledger import FileEntry, Ledger, read_entries
from ingest_sources.metrics import Metrics
from ingest_sources.rules.apply import RuleSet
from ingest_sources.settings import Settings
from ingest_sources.source import FileSource, IntoOwnTopic, load_sources
from ingest_sources.watched_folder import WatchedFolder

_AGAIN_S = 5.0
_DRAIN_S = 20.0
log = logging.getLogger(__name__)


def unheard(name: str, outcome: Outcome, entry: FileEntry | None) -> None:
    """The default of `on_file`."""


def folder_of(settings: Settings, source: FileSource) -> WatchedFolder:
    """The folder of a source; nothing is done to it yet."""
    return WatchedFolder(settings.data / source.folder, source.pattern, source.stable_seconds, SystemClock())


class Parts:
    """What one source is made of; a source that runs elsewhere loses its rights by `start`.

    Args:
        stop: set when the process is to end.
        metrics: None where nobody asks for them.
    """

    def __init__(
        self,
        settings: Settings,
        source: FileSource,
        stop: threading.Event,
        metrics: Metrics | None = None,
        on_file: OnFile = unheard,
        on_step: OnStep = no_step,
    ) -> None:
        self._brokers = settings.brokers
        self._source = source
        self._stop = stop
        self._metrics = metrics
        self._on_file = on_file
        self._on_step = on_step
        self.rules = RuleSet(source.rules, load_keys(settings.keys), source.personal)
        self.clock = SystemClock()
        self.folder = folder_of(settings, source)

    def start(self) -> FolderRun:
        """Takes the source over, then reads what is committed of it: in this order, so that it is the last word.

        Raises:
            ConfigurationError: the folder can't be used, or a topic has another number of partitions.
            TransientError: the brokers don't answer.
        """
        relax_collector()
        self.folder.prepare()
        create_topics(self._brokers, _own_topics(self._source))
        transactions = KafkaTransactions(self._brokers, f"ingest_sources.{self._source.name}")
        transactions.start()
        ledger = Ledger(self._source.name, read_entries(self._brokers), self._note)
        if self._metrics and (done := [entry.changed_us for entry in ledger.entries if entry.state == "done"]):
            self._metrics.note_done(ledger.source, max(done))
        ending = self._stop.is_set
        loader = FileLoader(self._source, self.rules, transactions, ledger, self.clock, ending, self._on_step)
        return FolderRun(self.folder, loader, ledger, self.clock, self._stop.wait, ending, self._on_file)

    def _note(self, entry: FileEntry, before: FileEntry | None) -> None:
        if self._metrics:
            self._metrics.note_rows(entry, before)


class App:
    """All sources as a process, a thread each.

    Raises:
        ConfigurationError: a source's file or a key is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        registry = new_registry()
        sources = load_sources(settings.sources)
        self._metrics = Metrics(registry, sources)
        self._parts = {name: self._build(source) for name, source in sources.items()}
        self._every_s = {name: min(settings.look_every_s, max(0.1, s.stable_seconds)) for name, s in sources.items()}
        self._not_started = dict.fromkeys(sources, "waiting for Kafka")
        self.health = HealthServer(
            settings.http_host, settings.http_port, registry, ready={"sources": self._start_problem}
        )

    def run(self) -> None:
        """Takes files until SIGTERM or SIGINT; ends after the part that is being loaded.

        Where Kafka does not answer, that would be never: the process then ends without its last commit, which the next
        one does again.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        threads = [threading.Thread(target=self._run, args=(name,), name=f"source-{name}") for name in self._parts]
        with self.health:
            log.info("started", extra={"http_port": self.health.port, "sources": sorted(self._parts)})
            for thread in threads:
                thread.start()
            self._stop.wait()
            deadline = time.monotonic() + _DRAIN_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            if busy := [thread.name for thread in threads if thread.is_alive()]:
                crash(TimeoutError(f"{', '.join(busy)} did not end within {_DRAIN_S:.0f} s"))

    def _build(self, source: FileSource) -> Parts:
        def on_file(name: str, outcome: Outcome, entry: FileEntry | None) -> None:
            self._metrics.note_file(source.name, outcome)
            if outcome == "refused":
                reason = entry.detail if entry else "no file that can be opened"
                log.error("a file can't be read", extra={"source": source.name, "file": name, "reason": reason})

        parts = Parts(self._settings, source, self._stop, self._metrics, on_file)
        self._metrics.count_waiting(source.name, parts.folder.count)
        return parts

    def _run(self, name: str) -> None:
        try:
            parts = self._parts[name]
            run = self._start(name, parts)
            if run is None:
                return
            self._not_started.pop(name)
            for _ in FolderChanges(parts.folder.path, self._every_s[name], self._stop):
                self._work_off(name, run)
        except BaseException as error:
            crash(error)

    def _work_off(self, name: str, run: FolderRun) -> None:
        try:
            run.work_off()
        except OSError as error:
            # A folder that can't be reached now costs its source alone, and is looked into again.
            log.error("a folder can't be used", extra={"source": name}, exc_info=error)
            with suppress(ConfigurationError):
                # It may have been deleted and made again.
                self._parts[name].folder.prepare()

    def _start(self, name: str, parts: Parts) -> FolderRun | None:
        """Tries until it starts: a folder that is wrong or that another process has costs its source alone."""
        while not self._stop.is_set():
            try:
                return parts.start()
            except (TransientError, ConfigurationError) as error:
                self._not_started[name] = str(error)
                log.error("a source can't start", extra={"source": name, "reason": str(error)})
                self._stop.wait(_AGAIN_S)
        return None

    def _start_problem(self) -> str | None:
        return "; ".join(f"{name}: {why}" for name, why in sorted(self._not_started.items())) or None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()


def _own_topics(source: FileSource) -> dict[str, Topic]:
    into = source.into
    if not isinstance(into, IntoOwnTopic):
        return {}
    topic = Topic(
        name=into.topic,
        about=source.about or f"Rows of source {source.name}.",
        key=into.key,
        record="raw",
        partitions=into.partitions,
        retention_days=into.retention_days,
        writers=("ingest_sources",),
    )
    return {into.topic: topic}
