"""Reports of runs on real Kafka: one for each, of what is committed, whatever is killed."""

import json
from pathlib import Path

import pytest

from ingest_sources.ledger import FileEntry
from ingest_sources.quality.report import Report
from ingest_sources.quality.report_topic import read_reports
from tests.integration.ingest_sources.bench import SourceBench, expected, orders
from tests.integration.ingest_sources.command import Command

pytestmark = pytest.mark.integration


@pytest.fixture
def command(bench: SourceBench, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(bench.environment(), monkeypatch)


def reports(bench: SourceBench) -> list[Report]:
    return read_reports(bench.brokers, bench.name)


def counts(of: Report | FileEntry) -> tuple[int, int, int]:
    return of.delivered, of.rejected, of.dropped


def expected_counts(first: int, count: int) -> tuple[int, int, int]:
    delivered, refused, dropped = expected(first, count)
    return len(delivered), len(refused), dropped


def test_a_file_with_bad_rows_has_one_report_and_the_command_shows_it(
    bench: SourceBench, command: Command, tmp_path: Path
) -> None:
    bench.drop("0.csv", orders(0, 2_500))
    command("run", bench.name)
    (report,) = reports(bench)
    assert counts(report) == expected_counts(0, 2_500)
    assert (report.kind, report.what, report.state, report.is_partial) == ("file", "0.csv", "done", False)
    assert report.by_rule == {"1 cast": 50, "3 filter": report.dropped}
    assert report.by_reason == {"malformed_row": report.rejected - 50, "refused_by_rule": 50}
    amount = report.columns["amount"].numbers
    assert (report.rows, amount and (amount.count, amount.min, amount.max)) == (
        report.delivered,
        (report.delivered, 0, 624.75),
    )
    assert report.columns["line"].distinct == 1

    assert "0.csv" in command("report", bench.name) and "1 cast" in command("report", bench.name)
    (shown,) = json.loads(command("report", bench.name, "--json"))
    assert (shown["delivered"], shown["computed"]["amount"]["null_rate"]) == (report.delivered, 0)
    page = tmp_path / "report.html"
    command("report", bench.name, "--html", str(page))
    assert "0.csv" in page.read_text()


def test_after_a_kill_amid_a_commit_the_report_has_what_is_left(bench: SourceBench, command: Command) -> None:
    """The second of three parts is given up and loaded again."""
    bench.drop("0.csv", orders(0, 2_500))
    bench.kill_at("committing", 2)
    before = counts(bench.entries()["0.csv"])
    command("run", bench.name)
    (report,) = reports(bench)
    assert (report.what, report.is_partial) == ("0.csv", True)
    assert all(before)
    assert tuple(map(sum, zip(before, counts(report), strict=True))) == expected_counts(0, 2_500)
    assert report.columns["order"].values == report.delivered
