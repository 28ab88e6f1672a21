"""All sources as a process: a thread each, their health and their end."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from headrace.crash import crash
from headrace.errors import ConfigurationError, TransientError
from headrace.health import HealthServer
from headrace.metrics import new_registry
from ingest_sources.app import FeedParts, Parts
from ingest_sources.feeds.feed_run import FeedRun
from ingest_sources.feeds.feed_source import FeedSource, PolledSource
from ingest_sources.files.file_source import FileSource
from ingest_sources.files.folder_changes import FolderChanges
from ingest_sources.files.folder_run import Outcome
from ingest_sources.ledger import FileEntry
from ingest_sources.metrics import Metrics
from ingest_sources.rules.apply import places_of
from ingest_sources.settings import Settings
from ingest_sources.source import Source, load_sources

R = TypeVar("R")
_AGAIN_S = 5.0
_DRAIN_S = 20.0
log = logging.getLogger(__name__)


class AllSources:
    """A thread for each source that is configured.

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
        self._parts: dict[str, Parts | FeedParts] = {}
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
            self._parts[name].close()
        except BaseException as error:
            crash(error)

    def _work_of(self, source: Source) -> Callable[[], None]:
        if isinstance(source, FileSource):
            parts = self._file_parts(source)
            return lambda: self._watch(source, parts)
        feed = FeedParts(self._settings, source, self._stop, self._metrics)
        self._parts[source.name] = feed
        return lambda: self._feed(source, feed)

    def _file_parts(self, source: FileSource) -> Parts:
        def on_file(name: str, outcome: Outcome, entry: FileEntry | None) -> None:
            self._metrics.note_file(source.name, outcome)
            if outcome == "refused":
                reason = entry.detail if entry else "no file that can be opened"
                log.error("a file can't be read", extra={"source": source.name, "file": name, "reason": reason})

        parts = Parts(self._settings, source, self._stop, self._metrics, on_file)
        self._metrics.count_waiting(source.name, parts.folder.count)
        self._parts[source.name] = parts
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
