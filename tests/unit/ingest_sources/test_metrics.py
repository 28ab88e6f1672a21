"""What is counted of files and rows, from 0 on and by what is committed."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from ingest_sources.ledger import FileEntry
from ingest_sources.metrics import FILES, ROWS, SERVICE, Metrics
from ingest_sources.quality.report import Finding, Report

SOURCE = "weather"


class Counted:
    """The metrics of one source, read as Prometheus reads them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.metrics = Metrics(self._registry, [SOURCE])

    def value(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(
            f"headrace_source_{name}", {"service": SERVICE, "source": SOURCE, **labels}
        )

    def rows(self) -> dict[str, float | None]:
        return {outcome: self.value("rows_total", outcome=outcome) for outcome in ROWS}


@pytest.fixture
def counted() -> Counted:
    return Counted()


def entry(delivered: int, rejected: int = 0, dropped: int = 0) -> FileEntry:
    return FileEntry(
        source=SOURCE, sha256="5e", file="a.csv", size=1, delivered=delivered, rejected=rejected, dropped=dropped
    )


def test_every_outcome_is_there_from_0_on(counted: Counted) -> None:
    assert counted.rows() == dict.fromkeys(ROWS, 0)
    assert {counted.value("files_total", outcome=outcome) for outcome in FILES} == {0}


def test_rows_are_counted_by_what_each_commit_adds(counted: Counted) -> None:
    counted.metrics.note_rows(entry(10, 2, 1), None)
    counted.metrics.note_rows(entry(25, 2, 4), entry(10, 2, 1))
    assert counted.rows() == {"delivered": 25, "rejected": 2, "dropped": 4}


def test_a_backfill_counts_its_rows_again(counted: Counted) -> None:
    counted.metrics.note_rows(entry(10), None)
    counted.metrics.note_rows(entry(0), entry(10))
    counted.metrics.note_rows(entry(10), entry(0))
    assert counted.rows()["delivered"] == 20


def test_only_a_file_that_is_done_makes_a_source_fresh(counted: Counted) -> None:
    for outcome in FILES:
        counted.metrics.note_file(SOURCE, outcome)
    counted.metrics.note_rows(entry(1), None)
    assert counted.value("last_done_seconds") is None
    done = msgspec.structs.replace(entry(1), state="done", changed_us=3_500_000)
    counted.metrics.note_rows(done, entry(1))
    assert counted.value("last_done_seconds") == 3.5
    assert {counted.value("files_total", outcome=outcome) for outcome in FILES} == {1}


def test_rows_are_counted_by_rule_from_0_on(counted: Counted) -> None:
    counted.metrics.note_rules(SOURCE, {"1 cast": 0, "2 range": 0})
    counted.metrics.note_rules(SOURCE, {"2 range": 3})
    assert [counted.value("rule_rows_total", rule=rule) for rule in ("1 cast", "2 range")] == [0, 3]


def test_differences_of_the_last_run_are_told(counted: Counted) -> None:
    assert counted.value("findings") == 0
    report = Report(source=SOURCE, number=1, kind="run", what="", begun_us=0, ended_us=0)
    odd = msgspec.structs.replace(report, findings=(Finding("rows", "few"), Finding("gone", "is gone", "a")))
    counted.metrics.note_report(odd)
    assert counted.value("findings") == 2
    counted.metrics.note_report(report)
    assert counted.value("findings") == 0


def test_waiting_files_are_counted_when_they_are_asked_for(counted: Counted) -> None:
    waiting = ["a.csv"]
    counted.metrics.count_waiting(SOURCE, lambda: len(waiting))
    assert counted.value("waiting_files") == 1
    waiting.append("b.csv")
    assert counted.value("waiting_files") == 2
