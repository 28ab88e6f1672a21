"""What the sources count. Labels are names of configured sources and fixed outcomes, never a file's name."""

import math
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.ledger import FileEntry
from ingest_sources.quality.report import Report

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
            "headrace_source_last_done_seconds",
            "When a file was done or rows were committed last (Unix time)",
            labels,
            registry=registry,
        )
        self._failing = Gauge(
            "headrace_source_failing", "1 while a source can't be read and is tried again", labels, registry=registry
        )
        self._by_rule = Counter(
            "headrace_source_rule_rows_total",
            "Rows that a rule refused or dropped, by its position and name",
            [*labels, "rule"],
            registry=registry,
        )
        self._findings = Gauge(
            "headrace_source_findings", "Differences of the last run to those before", labels, registry=registry
        )
        for source in sources:
            self._failing.labels(SERVICE, source)
            self._findings.labels(SERVICE, source)
            # From 0 on: of a series that begins above 0, rate() never sees the first step.
            for outcome in FILES:
                self._files.labels(SERVICE, source, outcome)
            for outcome in ROWS:
                self._rows.labels(SERVICE, source, outcome)

    def note_file(self, source: str, outcome: str) -> None:
        """Counts a file that was put away."""
        self._files.labels(SERVICE, source, outcome).inc()

    def note_done(self, source: str, at_us: int) -> None:
        """Says when a file was done, or when a feed last committed something."""
        self._fresh.labels(SERVICE, source).set(at_us / 1_000_000)

    def note_begun(self, source: str, at_us: int, now_us: int) -> None:
        """Says when a source that starts was last done; one that never was counts from now on, so that it is missed."""
        self.note_done(source, at_us or now_us)

    def note_problem(self, source: str, is_failing: bool) -> None:
        """Says whether a source can be read."""
        self._failing.labels(SERVICE, source).set(is_failing)

    def note_rows(self, entry: FileEntry | FeedEntry, before: FileEntry | FeedEntry | None) -> None:
        """Counts rows whose transaction is committed."""
        if isinstance(entry, FeedEntry) or entry.state == "done":
            self.note_done(entry.source, entry.changed_us)
        for outcome in ROWS:
            count = getattr(entry, outcome) - (getattr(before, outcome) if before else 0)
            # A backfill counts from nothing again.
            self._rows.labels(SERVICE, entry.source, outcome).inc(max(0, count))

    def note_rules(self, source: str, by_rule: Mapping[str, int]) -> None:
        """Counts rows of a committed part by the rule that refused or dropped them; 0 makes a rule known."""
        for rule, count in by_rule.items():
            self._by_rule.labels(SERVICE, source, rule).inc(count)

    def note_report(self, report: Report) -> None:
        """Says how far the last run differs from those before."""
        self._findings.labels(SERVICE, report.source).set(len(report.findings))

    def count_waiting(self, source: str, count: Callable[[], int]) -> None:
        """Asks at each scrape how many files wait or are being loaded: also while Kafka is away."""

        def ask() -> float:
            try:
                return count()
            except OSError:
                # A folder that can't be looked into must not cost the other figures.
                return math.nan

        self._waiting.labels(SERVICE, source).set_function(ask)
