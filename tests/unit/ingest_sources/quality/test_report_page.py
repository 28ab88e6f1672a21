"""The page and the tables: whole, of nothing from elsewhere, and what strangers wrote stays text."""

import re
from html.parser import HTMLParser

import msgspec
import polars as pl
import pytest

from ingest_sources.into import IntoReadings
from ingest_sources.quality.column_stats import table_stats
from ingest_sources.quality.drift import findings_of
from ingest_sources.quality.known_columns import hidden_columns, time_columns
from ingest_sources.quality.report import Report, plain
from ingest_sources.quality.report_page import report_page
from ingest_sources.quality.report_tables import show_reports
from ingest_sources.quality.sparkline import sparkline
from ingest_sources.rules.models import read_rules
from ingest_sources.rules.personal import IsHidden
from ingest_sources.source_model import SourceModel
from tests.unit.ingest_sources.quality.runs import Sender, stable

EVIL = "<script>alert(1)</script>\"'&[bold]\x1b[2J\u202e"
VOID = {"meta", "br", "circle", "polygon", "polyline"}


class Strict(HTMLParser):
    """Which elements a page opens, all of which it closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.fixture
def reports() -> list[Report]:
    """The newest first; of the last the column `town` is gone."""
    sender = Sender(1)
    former = stable(sender, 8)
    last = sender.run(town=None, rejected=0.2)
    return [msgspec.structs.replace(last, findings=findings_of(last, former)), *reversed(former)]


def test_page_has_the_findings_first_and_every_run_and_column(reports: list[Report]) -> None:
    page = report_page("orders", reports)
    Strict(page)
    assert page.index("town</b>: is gone") < page.index("Rows read") < page.index("humidity")
    assert all(report.what in page for report in reports)
    assert page.count("<svg") == 4 + len(reports[0].columns) + 1


def test_page_needs_nothing_from_elsewhere(reports: list[Report]) -> None:
    page = report_page("orders", reports)
    found = Strict(page)
    assert not {"script", "link", "img", "iframe", "a"} & set(found.opened)
    assert not {"src", "href"} & {name for name, _ in found.attributes}
    assert not re.search(r"https?:|url\(|@import", page)


def test_what_strangers_wrote_stays_text(reports: list[Report], capsys: pytest.CaptureFixture[str]) -> None:
    last = reports[0]
    evil = msgspec.structs.replace(
        last,
        what=EVIL,
        by_rule={EVIL: 1},
        columns={EVIL: last.columns["id"]},
        findings=tuple(msgspec.structs.replace(finding, column=EVIL) for finding in last.findings),
    )
    page = report_page("orders", [evil])
    assert "script" not in Strict(page).opened
    assert "&lt;script&gt;" in page
    assert not {"\x1b", "\u202e"} & set(page)
    show_reports("orders", [evil])
    shown = capsys.readouterr().out
    assert "<script>" in shown and "[bold]" in shown and not {"\x1b", "\u202e"} & set(shown)


def test_page_and_tables_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    Strict(report_page("orders", []))
    show_reports("orders", [])
    assert "no report yet" in capsys.readouterr().out


def test_json_has_what_is_computed_too(reports: list[Report]) -> None:
    shown = plain(reports[0])
    assert shown["read"] == reports[0].read
    assert shown["rejected_share"] == pytest.approx(0.2, abs=0.05)


def test_a_line_goes_from_the_bottom_for_0_to_the_top_for_the_largest() -> None:
    drawn = sparkline([0.0, 4.0, 2.0], "rows", [False, True, False])
    assert 'points="3.0,25.0 60.0,3.0 117.0,14.0"' in drawn
    assert drawn.count('class="mark"') == 1
    assert sparkline([], "rows") == ""
    Strict(sparkline([0.0], "rows"))


@pytest.mark.parametrize(
    ("rules", "hidden", "seen"),
    [
        ([], {"mail", "mail.host"}, {"age"}),
        ([{"rename": {"mail": "address", "mail.host": "host"}}], {"address", "host"}, {"age"}),
        ([{"pseudonymise": {"columns": ["mail"], "key": "k"}}], set(), {"mail", "age"}),
        ([{"derive": {"size": "length(mail)"}}, {"derive": {"half": "size / 2"}}], {"size", "half"}, {"age"}),
        ([{"derive": {"size": "length(mail)"}}, {"pseudonymise": {"columns": "mail", "key": "k"}}], {"size"}, {"mail"}),
        ([{"time": {"from": ["mail"], "formats": ["iso"], "into": "born"}}], {"born"}, {"age"}),
        ([{"lookup": {"in": {"file": "a.csv"}, "on": ["mail"], "take": ["income"]}}], {"income"}, {"age"}),
        ([{"custom": {"function": "own.change"}}], {"age", "anything"}, set()),
    ],
    ids=str,
)
def test_what_is_made_of_personal_columns_is_hidden(rules: list[object], hidden: set[str], seen: set[str]) -> None:
    read = read_rules(rules)
    personal = () if any(rule.rule == "pseudonymise" for rule in read) else ("mail",)
    is_hidden = hidden_columns(personal, read)
    assert {name for name in hidden | seen if is_hidden(name)} == hidden


def test_no_value_of_a_personal_column_is_in_a_report() -> None:
    table = pl.DataFrame({"salary": [712_345, 698_211], "name": ["Ann", "Bob"]})
    stats = table_stats(table, IsHidden({"salary"}))
    report = Report(
        source="s", number=1, kind="run", what="", begun_us=0, ended_us=1, rows=2, columns=dict(stats.columns)
    )
    everywhere = msgspec.json.encode(report).decode() + report_page("s", [report]) + str(plain(report))
    assert not any(value in everywhere for value in ("712345", "712,345", "698", "Ann", "Bob"))


def test_times_are_known_from_the_rules_and_from_where_rows_go() -> None:
    rules = [
        {"time": {"from": ["day"], "formats": ["iso"], "into": "at"}},
        {"rename": {"at": "seen"}},
    ]
    into = IntoReadings(topic="readings.raw", device="{d}")
    source = SourceModel(name="s", rules=read_rules(rules), into=into)
    assert time_columns(source) == ["at", "seen", "time"]
