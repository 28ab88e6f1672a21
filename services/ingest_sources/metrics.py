"""What the sources count. Labels are names of configured sources and fixed outcomes, never a file's name."""

import math
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from ingest_sources.ledger import FileEntry

SERVICE = "ingest_sources"
FILES = ("done", "refused", "repeated")
ROWS = ("delivered", "rejected", "dropped")


class Metrics:
    """The metrics of all sources in one registry."""

    def __init__(self, registry: CollectorRegistry, sources: Iterable[str]) -> None:
        labels = ["service", "source"]
        self._files = Counter(
            "headrace_source_files_total", "Files by what became of them", [*labels, "outcome"], registry=registry
        )
        self._rows = Counter(
            "headrace_source_rows_total", "Rows committed, by where they went", [*labels, "outcome"], registry=registry
        )
        self._waiting = Gauge("headrace_source_waiting_files", "Files that are not done yet", labels, registry=registry)
        self._fresh = Gauge(
            "headrace_source_last_file_seconds", "When the last file was done (Unix time)", labels, registry=registry
        )
        for source in sources:
            # From 0 on: of a series that begins above 0, rate() never sees the first step.
            for outcome in FILES:
                self._files.labels(SERVICE, source, outcome)
            for outcome in ROWS:
                self._rows.labels(SERVICE, source, outcome)

    def note_file(self, source: str, outcome: str) -> None:
        """Counts a file that was put away."""
        self._files.labels(SERVICE, source, outcome).inc()

    def note_done(self, source: str, at_us: int) -> None:
        """Says when the last file was done."""
        self._fresh.labels(SERVICE, source).set(at_us / 1_000_000)

    def note_rows(self, entry: FileEntry, before: FileEntry | None) -> None:
        """Counts rows whose transaction is committed."""
        if entry.state == "done":
            self.note_done(entry.source, entry.changed_us)
        for outcome in ROWS:
            count = getattr(entry, outcome) - (getattr(before, outcome) if before else 0)
            # A backfill counts from nothing again.
            self._rows.labels(SERVICE, entry.source, outcome).inc(max(0, count))

    def count_waiting(self, source: str, count: Callable[[], int]) -> None:
        """Asks at each scrape how many files wait or are being loaded: also while Kafka is away."""

        def ask() -> float:
            try:
                return count()
            except OSError:
                # A folder that can't be looked into must not cost the other figures.
                return math.nan

        self._waiting.labels(SERVICE, source).set_function(ask)
