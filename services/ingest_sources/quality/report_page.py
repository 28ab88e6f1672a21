"""The reports of a source as one page of HTML: no script, nothing from elsewhere, and all of strangers escaped."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from ingest_sources.quality.column_stats import ColumnStats
from ingest_sources.quality.page_style import STYLE
from ingest_sources.quality.report import Report
from ingest_sources.quality.sparkline import sparkline
from ingest_sources.quality.wording import lasted, legible, middle, moment, none_found, percent, remarks, span

_KINDS = {"hidden": "personal", "empty": "no values"}
_LEAST = 0.1
"""Of a share: below it, a line is low."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report_page(name: str, reports: Sequence[Report]) -> str:
    """A page of the last run, and of how it was in the runs before.

    Args:
        reports: the newest first; may be none.
    """
    title = f"Runs of {escape(name)}"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
    )
    body = _of_runs(reports) if reports else '<p class="soft">No report yet: one is made at the end of each run.</p>'
    return f"{head}<body><main><h1>{title}</h1>{body}</main></body></html>\n"


def _of_runs(reports: Sequence[Report]) -> str:
    last, in_order = reports[0], reports[::-1]
    parts = [_heading(last), _findings(last), _tiles(last, in_order), _counts(last), _columns(last, in_order)]
    return "".join([*parts, _runs(reports), _footer(len(reports))])


def _heading(last: Report) -> str:
    remark = f" · {remarks(last)}" if remarks(last) else ""
    said = f"{moment(last.ended_us)} UTC, took {lasted(last)}{remark}"
    return f'<p class="soft">Last: <b>{_safe(last.what)}</b> · {escape(said)}</p>'


def _findings(last: Report) -> str:
    if not last.findings:
        return f'<div class="findings"><strong>{none_found(last)}</strong></div>'
    items = "".join(
        f"<li>{f'<b>{_safe(finding.column)}</b>: ' if finding.column else ''}{_safe(finding.text)}</li>"
        for finding in last.findings
    )
    count = len(last.findings)
    title = f"{count} {'difference' if count == 1 else 'differences'} to the runs before"
    return f'<div class="findings some"><strong>{title}</strong><ul>{items}</ul></div>'


def _tiles(last: Report, in_order: Sequence[Report]) -> str:
    share = f"{last.rejected:,} rows"
    tiles = [
        _tile("Rows read", f"{last.read:,}", "", in_order, lambda run: run.read),
        _tile("Delivered", f"{last.delivered:,}", "", in_order, lambda run: run.delivered),
        _tile("Rejected", percent(last.rejected_share), share, in_order, lambda run: run.rejected_share),
        _tile("Dropped on purpose", f"{last.dropped:,}", "", in_order, lambda run: run.dropped),
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(title: str, value: str, note: str, in_order: Sequence[Report], value_of: Callable[[Report], float]) -> str:
    marks = [bool(run.findings) for run in in_order]
    line = sparkline([value_of(run) for run in in_order], f"{title} in {_runs_of(len(in_order))}", marks, _LEAST)
    beside = f' <span class="soft">{note}</span>' if note else ""
    return f'<div class="card tile"><span class="soft">{title}</span>{beside}<b>{value}</b>{line}</div>'


def _counts(last: Report) -> str:
    tables = [_count_table("Rows by rule", "rule", last.by_rule), _count_table("Reasons", "reason", last.by_reason)]
    return f'<div class="pair">{"".join(tables)}</div>'


def _count_table(title: str, what: str, counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    most = max(counts.values())
    rows = [
        f'<td class="name">{_safe(name)}</td><td class="n">{count:,}</td>'
        f'<td class="bar"><i style="width:{100 * count / most:.0f}%"></i></td>'
        for name, count in sorted(counts.items(), key=lambda each: -each[1])
    ]
    return f"<section><h2>{title}</h2>{_table([(what, ''), ('rows', 'n'), ('', '')], rows)}</section>"


def _columns(last: Report, in_order: Sequence[Report]) -> str:
    odd = {finding.column for finding in last.findings}
    if not last.rows:
        return ""
    names = dict.fromkeys([*last.columns, *sorted(odd - {""})])
    rows = [_column(name, last, in_order, name in odd) for name in names]
    headings = [("column", ""), ("kind", ""), ("no value", "n"), ("over the runs", ""), ("range", "n")]
    headings.append(("mean, share or texts", "n"))
    more = '<p class="soft">There are more columns than are shown.</p>' if last.is_cut else ""
    about = f"Of the {last.rows:,} rows that passed all rules."
    return f'<h2>Columns</h2><p class="soft">{about}</p>{_table(headings, rows)}{more}'


def _column(name: str, last: Report, in_order: Sequence[Report], is_odd: bool) -> str:
    column, is_time = last.columns.get(name, ColumnStats("empty", 0)), name in last.times
    rates = [run.null_rate(name) for run in in_order if run.rows]
    line = sparkline(rates, f"share of rows without a value, up to {percent(max(rates, default=0))}", least=_LEAST)
    kind = _KINDS.get(column.kind, column.kind)
    return (
        f'<td class="name{" bad" if is_odd else ""}">{_safe(name)}</td><td><span class="kind">{kind}</span></td>'
        f'<td class="n">{percent(last.null_rate(name))}</td><td>{line}</td>'
        f'<td class="n">{escape(span(column, is_time))}</td><td class="n soft">{escape(middle(column, is_time))}</td>'
    )


def _runs(reports: Sequence[Report]) -> str:
    headings = [("run", ""), ("ended (UTC)", ""), ("rows", "n"), ("delivered", "n"), ("rejected", "n")]
    rows = [_run(report) for report in reports]
    return f"<h2>Runs</h2>{_table([*headings, ('share', 'n'), ('dropped', 'n'), ('differences', 'n')], rows)}"


def _run(report: Report) -> str:
    remark = f'<br><span class="soft">{remarks(report)}</span>' if remarks(report) else ""
    count = len(report.findings)
    sums = "".join(f'<td class="n">{value:,}</td>' for value in (report.read, report.delivered, report.rejected))
    return (
        f'<td class="name">{_safe(report.what)}{remark}</td><td>{moment(report.ended_us)}</td>{sums}'
        f'<td class="n soft">{percent(report.rejected_share)}</td><td class="n">{report.dropped:,}</td>'
        f'<td class="n{" bad" if count else ""}">{count or ""}</td>'
    )


def _table(headings: Iterable[tuple[str, str]], rows: Iterable[str]) -> str:
    head = "".join(f'<th class="{style}">{heading}</th>' for heading, style in headings)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="card wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _footer(count: int) -> str:
    about = "Lines go from the oldest run to the newest, on a scale from 0; a run with differences is marked."
    return f"<footer>{_runs_of(count).capitalize()}. {about}</footer>"


def _runs_of(count: int) -> str:
    return "the last run" if count == 1 else f"the last {count} runs"


def _safe(text: str) -> str:
    return escape(legible(text))
