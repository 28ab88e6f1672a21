"""Builds the sources from their settings: the only place that makes clients."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TypeVar

from headrace.clock import Clock, SystemClock
from headrace.collector import relax_collector
from headrace.crash import crash
from headrace.errors import ConfigurationError, TransientError
from headrace.health import HealthServer
from headrace.metrics import new_registry
from headrace.streams.task import OnStep, no_step
from headrace.streams.transaction import KafkaTransactions
from headrace.topics import Topic, create_topics
from ingest_sources.connectors import Surroundings, connector_of
from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.feeds.feed_run import FeedRun
from ingest_sources.feeds.feed_source import FeedSource, PolledSource
from ingest_sources.files.file_loader import FileLoader
from ingest_sources.files.file_source import FileSource
from ingest_sources.files.folder_changes import FolderChanges
from ingest_sources.files.folder_run import FolderRun, OnFile, Outcome
from ingest_sources.files.object_fetch import ObjectFetch
from ingest_sources.files.object_store import ObjectStore
from ingest_sources.files.watched_folder import WatchedFolder
from ingest_sources.functions import load_functions
from ingest_sources.into import IntoOwnTopic
from ingest_sources.keys import load_keys
from ingest_sources.ledger import FileEntry, Ledger, read_entries, read_feed, read_seen
from ingest_sources.metrics import Metrics
from ingest_sources.one_worker import OneWorker
from ingest_sources.part_commits import PartCommits
from ingest_sources.prepare import Preparer
from ingest_sources.quality.known_columns import time_columns
from ingest_sources.quality.report import Report
from ingest_sources.quality.report_topic import read_reports
from ingest_sources.quality.run_reports import RunReports
from ingest_sources.references.references import SourceReferences
from ingest_sources.rules.apply import RuleSet, places_of
from ingest_sources.schema_keeper import SchemaKeeper, read_schema
from ingest_sources.secret_files import Secrets
from ingest_sources.seen_keeper import SeenKeeper
from ingest_sources.settings import Settings
from ingest_sources.source import Source, load_sources
from ingest_sources.source_model import SourceModel

R = TypeVar("R")
_AGAIN_S = 5.0
_DRAIN_S = 20.0
log = logging.getLogger(__name__)


def unheard(name: str, outcome: Outcome, entry: FileEntry | None) -> None:
    """The default of `on_file`."""


def folder_of(settings: Settings, source: FileSource) -> WatchedFolder:
    """The folder of a source; nothing is done to it yet."""
    return WatchedFolder(settings.data / source.folder, source.pattern, source.stable_seconds, SystemClock())


def rules_of(settings: Settings, source: SourceModel) -> RuleSet:
    """The rules of a source.

    Raises:
        ConfigurationError: a key or a function is missing or wrong.
    """
    is_free_form = isinstance(source, FeedSource) and source.IS_FREE_FORM
    keys, functions = load_keys(settings.keys), load_functions(settings.functions, source.rules)
    references = SourceReferences(settings.brokers, settings.sources, Secrets(settings.secrets).get, SystemClock())
    return RuleSet(source.rules, keys, source.personal, is_free_form, references, functions)


def surroundings(settings: Settings) -> Surroundings:
    """What connectors are made with."""
    return Surroundings(settings.brokers, Secrets(settings.secrets))


class Parts:
    """What a source of files is made of; one that runs elsewhere loses its rights by `start`.

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
        self.rules = rules_of(settings, source)
        self.clock = SystemClock()
        self.folder = folder_of(settings, source)
        self._objects = _objects_of(settings, source, self.folder, self.clock)

    def start(self) -> FolderRun:
        """Takes the source over, then reads what is committed of it: in this order, so that it is the last word.

        Raises:
            ConfigurationError: the folder can't be used, or a topic has another number of partitions.
            TransientError: the brokers don't answer.
        """
        relax_collector()
        self.folder.prepare()
        self.rules.load_references()
        transactions = _take_over(self._brokers, self._source)
        ledger = Ledger(self._source.name, read_entries(self._brokers, self._source.name), self._note)
        if self._metrics:
            done = [entry.changed_us for entry in ledger.entries if entry.state == "done"]
            self._metrics.note_begun(ledger.source, max(done, default=0), self.clock.now_us())
        ending = self._stop.is_set
        reports = _reports(self._brokers, self._source, self._metrics)

        def on_commit(entry: FileEntry) -> None:
            ledger.note(entry)
            reports.committed(entry)

        commits = PartCommits(transactions, on_commit, self._on_step)
        preparer = _preparer(self._brokers, self._source, self.rules, is_free_form=False)
        loader = FileLoader(self._source, preparer, commits, reports, self.clock, ending)
        return FolderRun(self.folder, loader, ledger, self.clock, self._stop.wait, ending, self._on_file)

    def work_off(self, run: FolderRun) -> int:
        """Loads what lies in the folder, then what is new in the object store; returns how many files were put away.

        Raises:
            TransientError, ConfigurationError: of the object store; what lies in the folder is loaded all the same.
            ProducerLost: the process must end.
            OSError: the folder can't be used.
        """
        count = run.work_off()
        for _ in self._objects.fetch(self._stop.is_set) if self._objects else ():
            # One at a time, so that the disk never holds more than the archive and one of them.
            count += run.work_off()
        return count

    def _note(self, entry: FileEntry, before: FileEntry | None) -> None:
        if self._metrics:
            self._metrics.note_rows(entry, before)


class FeedParts:
    """What any other source is made of, as `Parts`.

    Raises:
        ConfigurationError: a key or a secret is missing.
    """

    def __init__(
        self,
        settings: Settings,
        source: FeedSource,
        stop: threading.Event,
        metrics: Metrics | None = None,
        on_step: OnStep = no_step,
    ) -> None:
        self._brokers = settings.brokers
        self._source = source
        self._stop = stop
        self._metrics = metrics
        self._on_step = on_step
        self.rules = rules_of(settings, source)
        self.connect = connector_of(source, surroundings(settings))
        self.lock = OneWorker(settings.data / ".locks" / source.name, f"runs the source {source.name}")

    def start(self) -> FeedRun:
        """Takes the source over, then reads how far it is.

        Raises:
            ConfigurationError: another process of this machine has it, or a topic has another number of partitions.
            TransientError: the brokers don't answer.
        """
        relax_collector()
        name = self._source.name
        try:
            self.lock.take()
        except OSError as error:
            raise ConfigurationError(f"no lock can be had in INGEST_SOURCES_DATA: {error}") from error
        self.rules.load_references()
        transactions = _take_over(self._brokers, self._source)
        entry = read_feed(self._brokers, name) or FeedEntry(source=name, kind=self._source.kind)
        if entry.kind != self._source.kind and entry.cursor is not None:
            raise ConfigurationError(
                f"{name} was of kind {entry.kind}, whose place means nothing to kind {self._source.kind}: give the "
                "source another name"
            )
        preparer = _preparer(self._brokers, self._source, self.rules, self._source.IS_FREE_FORM)
        if self._metrics:
            self._metrics.note_begun(name, entry.changed_us, SystemClock().now_us())
        reports = _reports(self._brokers, self._source, self._metrics)
        is_stream = not isinstance(self._source, PolledSource)
        whole = (self.connect, preparer, transactions, entry, reports, is_stream)
        return FeedRun(*whole, SystemClock(), self._stop.wait, self._note, self._on_problem, self._on_step)

    def _note(self, entry: FeedEntry, before: FeedEntry) -> None:
        if self._metrics:
            self._metrics.note_rows(entry, before)

    def _on_problem(self, problem: str | None) -> None:
        if self._metrics:
            self._metrics.note_problem(self._source.name, problem is not None)


def _objects_of(settings: Settings, source: FileSource, folder: WatchedFolder, clock: Clock) -> ObjectFetch | None:
    fetch = source.fetch
    if fetch is None:
        return None
    store = ObjectStore(fetch.url, Secrets(settings.secrets).placed(fetch.options))
    return ObjectFetch(store, folder, source.pattern, fetch.every_seconds, clock)


def _schema_keeper(brokers: str, source: SourceModel) -> SchemaKeeper | None:
    into = source.into
    if not isinstance(into, IntoOwnTopic):
        return None
    return SchemaKeeper(source.name, into.topic, into.key, lambda: read_schema(brokers, into.topic), SystemClock())


def _preparer(brokers: str, source: SourceModel, rules: RuleSet, is_free_form: bool) -> Preparer:
    seen = SeenKeeper(source.name, rules.windows, lambda: read_seen(brokers, source.name)) if rules.windows else None
    return Preparer(source, rules, is_free_form, _schema_keeper(brokers, source), seen)


def _reports(brokers: str, source: SourceModel, metrics: Metrics | None) -> RunReports:
    former = read_reports(brokers, source.name)
    if metrics and former:
        metrics.note_report(former[-1])

    def on_committed(by_rule: Mapping[str, int], report: Report | None) -> None:
        if metrics:
            metrics.note_rules(source.name, by_rule)
            if report:
                metrics.note_report(report)

    return RunReports(source.name, SystemClock(), former, on_committed, time_columns(source))


def _take_over(brokers: str, source: SourceModel) -> KafkaTransactions:
    create_topics(brokers, _own_topics(source))
    transactions = KafkaTransactions(brokers, f"ingest_sources.{source.name}")
    transactions.start()
    return transactions


class App:
    """All sources as a process, a thread each.

    Raises:
        ConfigurationError: a source's file, a key or a secret is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        registry = new_registry()
        sources = load_sources(settings.sources)
        self._metrics = Metrics(registry, sources)
        for source in sources.values():
            self._metrics.note_rules(source.name, dict.fromkeys(places_of(source.rules), 0))
        self._runs: dict[str, FeedRun] = {}
        self._works = {name: self._work_of(source) for name, source in sources.items()}
        self._not_started = dict.fromkeys(sources, "waiting for Kafka")
        self.health = HealthServer(
            settings.http_host, settings.http_port, registry, ready={"sources": self._start_problem}
        )

    def run(self) -> None:
        """Runs the sources until SIGTERM or SIGINT; ends after the parts that are being delivered.

        Where Kafka does not answer, that would be never: the process then ends without its last commit, which the next
        one does again.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        threads = [threading.Thread(target=self._run, args=(name,), name=f"source-{name}") for name in self._works]
        with self.health:
            log.info("started", extra={"http_port": self.health.port, "sources": sorted(self._works)})
            for thread in threads:
                thread.start()
            self._stop.wait()
            deadline = time.monotonic() + _DRAIN_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            if busy := [thread.name for thread in threads if thread.is_alive()]:
                crash(TimeoutError(f"{', '.join(busy)} did not end within {_DRAIN_S:.0f} s"))

    def _run(self, name: str) -> None:
        try:
            self._works[name]()
        except BaseException as error:
            crash(error)

    def _work_of(self, source: Source) -> Callable[[], None]:
        if isinstance(source, FileSource):
            parts = self._file_parts(source)
            return lambda: self._watch(source, parts)
        feed = FeedParts(self._settings, source, self._stop, self._metrics)
        return lambda: self._feed(source, feed)

    def _file_parts(self, source: FileSource) -> Parts:
        def on_file(name: str, outcome: Outcome, entry: FileEntry | None) -> None:
            self._metrics.note_file(source.name, outcome)
            if outcome == "refused":
                reason = entry.detail if entry else "no file that can be opened"
                log.error("a file can't be read", extra={"source": source.name, "file": name, "reason": reason})

        parts = Parts(self._settings, source, self._stop, self._metrics, on_file)
        self._metrics.count_waiting(source.name, parts.folder.count)
        return parts

    def _watch(self, source: FileSource, parts: Parts) -> None:
        run = self._started(source.name, parts.start)
        if run is None:
            return
        every_s = min(self._settings.look_every_s, max(0.1, source.stable_seconds))
        is_lost = False
        for _ in FolderChanges(parts.folder.path, every_s, self._stop):
            try:
                if is_lost:
                    # It may have been deleted and made again, and somebody else may have it now.
                    parts.folder.prepare()
                    is_lost = False
                parts.work_off(run)
                self._metrics.note_problem(source.name, False)
            except (TransientError, ConfigurationError, OSError) as error:
                # A folder or a store that can't be reached costs its source alone, and is looked into again.
                is_lost = is_lost or isinstance(error, OSError)
                self._metrics.note_problem(source.name, True)
                log.error("a source can't be read", extra={"source": source.name, "reason": str(error)})

    def _feed(self, source: FeedSource, parts: FeedParts) -> None:
        run = self._started(source.name, parts.start)
        if run is None:
            return
        self._runs[source.name] = run
        schedule = source.schedule if isinstance(source, PolledSource) else None
        before = schedule.after if schedule else ()
        run.run(schedule, lambda last_us: all(self._has_run(name, last_us) for name in before))

    def _has_run(self, name: str, since_us: int) -> bool:
        run = self._runs.get(name)
        return run is not None and run.entry.run_us > since_us

    def _started(self, name: str, start: Callable[[], R]) -> R | None:
        """Tries until it starts: a folder that is wrong or that another process has costs its source alone."""
        while not self._stop.is_set():
            try:
                run = start()
                self._not_started.pop(name)
                self._metrics.note_problem(name, False)
                return run
            except (TransientError, ConfigurationError) as error:
                self._not_started[name] = str(error)
                self._metrics.note_problem(name, True)
                log.error("a source can't start", extra={"source": name, "reason": str(error)})
                self._stop.wait(_AGAIN_S)
        return None

    def _start_problem(self) -> str | None:
        return "; ".join(f"{name}: {why}" for name, why in sorted(self._not_started.items())) or None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()


def _own_topics(source: SourceModel) -> dict[str, Topic]:
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
