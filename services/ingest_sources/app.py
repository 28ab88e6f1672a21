"""Builds the sources from their settings: the only place that makes clients."""

import threading
from collections.abc import Mapping
from typing import Generic, TypeVar

from headrace.clock import Clock, SystemClock
from headrace.collector import relax_collector
from headrace.errors import ConfigurationError
from headrace.streams.task import OnStep, no_step
from headrace.streams.transaction import KafkaTransactions
from headrace.subjects.subjects import Subjects, open_subjects
from headrace.topics import Topic, create_topics
from ingest_sources.connectors import Surroundings, connector_of
from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.feeds.feed_run import FeedRun
from ingest_sources.feeds.feed_source import FeedSource, PolledSource
from ingest_sources.files.file_loader import FileLoader
from ingest_sources.files.file_source import FileSource
from ingest_sources.files.folder_run import FolderRun, OnFile, Outcome
from ingest_sources.files.object_fetch import ObjectFetch
from ingest_sources.files.object_store import ObjectStore
from ingest_sources.files.watched_folder import WatchedFolder
from ingest_sources.functions import load_functions
from ingest_sources.into import IntoInteractions, IntoOwnTopic
from ingest_sources.keys import load_keys
from ingest_sources.ledger import FileEntry, Ledger, read_entries, read_feed, read_seen
from ingest_sources.metrics import Metrics
from ingest_sources.one_worker import OneWorker
from ingest_sources.part_commits import PartCommits
from ingest_sources.prepare import Preparer
from ingest_sources.quality.known_columns import check_clear_columns, time_columns
from ingest_sources.quality.report import Report
from ingest_sources.quality.report_topic import read_reports
from ingest_sources.quality.run_reports import RunReports
from ingest_sources.references.references import SourceReferences
from ingest_sources.rules.apply import RuleSet
from ingest_sources.schema_keeper import SchemaKeeper, read_schema
from ingest_sources.secret_files import Secrets
from ingest_sources.seen_keeper import SeenKeeper
from ingest_sources.settings import Settings
from ingest_sources.source_model import SourceModel

S = TypeVar("S", bound=SourceModel)


def unheard(name: str, outcome: Outcome, entry: FileEntry | None) -> None:
    """The default of `on_file`."""


def folder_of(settings: Settings, source: FileSource) -> WatchedFolder:
    """The folder of a source; nothing is done to it yet."""
    return WatchedFolder(settings.data / source.folder, source.pattern, source.stable_seconds, SystemClock())


def rules_of(settings: Settings, source: SourceModel) -> RuleSet:
    """The rules of a source.

    Raises:
        ConfigurationError: a key or a function is missing or wrong, or what is personal would be written in clear.
    """
    check_clear_columns(source)
    keys, functions = load_keys(settings.keys), load_functions(settings.functions, source.rules)
    references = SourceReferences(settings.brokers, settings.sources, Secrets(settings.secrets).get, SystemClock())
    return RuleSet(source.rules, keys, source.personal_columns, source.IS_FREE_FORM, references, functions)


def people_of(settings: Settings, source: SourceModel) -> Subjects | None:
    """The subjects of a source of interactions; nothing is connected yet.

    Raises:
        ConfigurationError: the keys of subjects are missing or wrong.
    """
    if not isinstance(source.into, IntoInteractions):
        return None
    if settings.subject_keys is None:
        raise ConfigurationError(
            f"{source.name} writes {source.into.topic}, whose people need subjects: set INGEST_SOURCES_SUBJECT_KEYS to "
            "the file of `headrace subjects keys` that all edges share, and INGEST_SOURCES_CASSANDRA_HOSTS to where "
            "the subjects are"
        )
    return open_subjects(settings, settings.subject_keys)


def surroundings(settings: Settings) -> Surroundings:
    """What connectors are made with."""
    return Surroundings(settings.brokers, Secrets(settings.secrets))


class _SourceParts(Generic[S]):
    """What every source is made of; one that runs elsewhere loses its rights by `start`.

    Args:
        stop: set when the process is to end.
        metrics: None where nobody asks for them.

    Raises:
        ConfigurationError: a key or a function is missing or wrong.
    """

    def __init__(
        self,
        settings: Settings,
        source: S,
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
        self.people = people_of(settings, source)
        self.clock = SystemClock()

    def close(self) -> None:
        """Disconnects from where subjects are."""
        if self.people:
            self.people.erased.stop()
            self.people.store.close()

    def _load(self) -> None:
        """Reads what has to be known before the first row."""
        self.rules.load_references()
        if self.people:
            self.people.erased.start()

    def _note(self, entry: FileEntry | FeedEntry, before: FileEntry | FeedEntry | None) -> None:
        if self._metrics:
            self._metrics.note_rows(entry, before)


class Parts(_SourceParts[FileSource]):
    """What a source of files is made of."""

    def __init__(
        self,
        settings: Settings,
        source: FileSource,
        stop: threading.Event,
        metrics: Metrics | None = None,
        on_file: OnFile = unheard,
        on_step: OnStep = no_step,
    ) -> None:
        super().__init__(settings, source, stop, metrics, on_step)
        self._on_file = on_file
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
        self._load()
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
        preparer = _preparer(self._brokers, self._source, self.rules, self.people)
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


class FeedParts(_SourceParts[FeedSource]):
    """What any other source is made of.

    Raises:
        ConfigurationError: also where a secret is missing.
    """

    def __init__(
        self,
        settings: Settings,
        source: FeedSource,
        stop: threading.Event,
        metrics: Metrics | None = None,
        on_step: OnStep = no_step,
    ) -> None:
        super().__init__(settings, source, stop, metrics, on_step)
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
        self._load()
        transactions = _take_over(self._brokers, self._source)
        entry = read_feed(self._brokers, name) or FeedEntry(source=name, kind=self._source.kind)
        if entry.kind != self._source.kind and entry.cursor is not None:
            raise ConfigurationError(
                f"{name} was of kind {entry.kind}, whose place means nothing to kind {self._source.kind}: give the "
                "source another name"
            )
        preparer = _preparer(self._brokers, self._source, self.rules, self.people)
        if self._metrics:
            self._metrics.note_begun(name, entry.changed_us, self.clock.now_us())
        reports = _reports(self._brokers, self._source, self._metrics)
        is_stream = not isinstance(self._source, PolledSource)
        whole = (self.connect, preparer, transactions, entry, reports, is_stream)
        return FeedRun(*whole, self.clock, self._stop.wait, self._note, self._on_problem, self._on_step)

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


def _preparer(brokers: str, source: SourceModel, rules: RuleSet, people: Subjects | None) -> Preparer:
    seen = SeenKeeper(source.name, rules.windows, lambda: read_seen(brokers, source.name)) if rules.windows else None
    return Preparer(source, rules, source.IS_FREE_FORM, _schema_keeper(brokers, source), seen, people)


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
