"""How `headrace sources report` shows reports in a terminal."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest_sources.quality.report import Report
from ingest_sources.quality.wording import lasted, legible, middle, moment, none_found, percent, remarks, span


def show_reports(name: str, reports: Sequence[Report]) -> None:
    """The last run as a whole, and a line for each run.

    Args:
        reports: the newest first.
    """
    console = Console(highlight=False)
    if not reports:
        console.print(f"{name} has no report yet: one is made at the end of each run")
        return
    last = reports[0]
    title = f"{name}: {legible(last.what)}, {moment(last.ended_us)} UTC, {lasted(last)}"
    console.print(title, style="bold", markup=False, soft_wrap=True)
    if said := remarks(last):
        console.print(said, style="yellow")
    console.print(_sums(last), soft_wrap=True)
    _findings(console, last)
    for table in (_counts("rule", last.by_rule), _counts("reason", last.by_reason), _columns(last), _runs(reports)):
        if table.row_count:
            console.print()
            console.print(table)


def _sums(report: Report) -> str:
    sums = f"{report.delivered:,} delivered, {report.rejected:,} rejected, {report.dropped:,} dropped"
    return f"{report.read:,} rows: {sums}; {percent(report.rejected_share)} rejected"


def _findings(console: Console, report: Report) -> None:
    if not report.findings:
        console.print(none_found(report), style="green")
    for finding in report.findings:
        where = f"{legible(finding.column)}: " if finding.column else ""
        console.print(f"! {where}{finding.text}", style="yellow", markup=False, soft_wrap=True)


def _counts(what: str, counts: Mapping[str, int]) -> Table:
    table = _table((what, "rows"), left=(what,))
    for name, count in sorted(counts.items(), key=lambda each: -each[1]):
        table.add_row(escape(legible(name)), f"{count:,}")
    return table


def _columns(report: Report) -> Table:
    table = _table(("column", "kind", "no value", "range", "mean, share or texts"), left=("column", "kind"))
    for name, column in report.columns.items():
        is_time = name in report.times
        nulls = percent(report.null_rate(name))
        table.add_row(escape(legible(name)), column.kind, nulls, span(column, is_time), middle(column, is_time))
    return table


def _runs(reports: Sequence[Report]) -> Table:
    headings = (
        "run",
        "ended (UTC)",
        "rows",
        "delivered",
        "rejected",
        "dropped",
        "share rejected",
        "findings",
        "remark",
    )
    table = _table(headings, left=("run", "ended (UTC)", "remark"))
    for report in reports:
        counts = (report.read, report.delivered, report.rejected, report.dropped)
        sums = (f"{count:,}" for count in counts)
        ends = (percent(report.rejected_share), str(len(report.findings)), remarks(report))
        table.add_row(escape(legible(report.what)), moment(report.ended_us), *sums, *ends)
    return table


def _table(headings: Iterable[str], left: Iterable[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right")
    return table
