"""How `headrace sources` shows things."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.ledger import FileEntry
from ingest_sources.preview import Preview
from ingest_sources.source import Source

_SUMS = ("delivered", "rejected", "dropped")
_LEFT = ("source", "kind", "file", "state", "detail", "last", "position", "what", "")


def sources_table(
    sources: Mapping[str, Source], waiting: Mapping[str, int], entries: Sequence[FileEntry | FeedEntry]
) -> Table:
    """A line for each source.

    Args:
        waiting: files by source, of those that are folders.
    """
    table = _table("source", "kind", "waiting", "done", "refused", "loading", *_SUMS, "last")
    for name, source in sources.items():
        own = [entry for entry in entries if entry.source == name]
        states = Counter(entry.state for entry in own if isinstance(entry, FileEntry))
        files = [f"{states[state]:,}" for state in ("done", "refused", "loading")] if name in waiting else [""] * 3
        sums = [f"{sum(getattr(entry, what) for entry in own):,}" for what in _SUMS]
        last = _time(max((entry.changed_us for entry in own), default=0))
        table.add_row(name, source.kind, f"{waiting[name]:,}" if name in waiting else "", *files, *sums, last)
    return table


def files_table(entries: Sequence[FileEntry]) -> Table:
    """A line for each file."""
    table = _table("file", "state", "bytes", *_SUMS, "detail")
    for entry in sorted(entries, key=lambda entry: entry.begun_us):
        counts = (entry.size, entry.delivered, entry.rejected, entry.dropped)
        table.add_row(escape(entry.file), entry.state, *(f"{n:,}" for n in counts), escape(entry.detail))
    return table


def feed_table(entries: Sequence[FeedEntry]) -> Table:
    """How far a feed is; without a line where it never delivered."""
    table = _table(*_SUMS, "last", "position")
    for entry in entries:
        position = msgspec.json.encode(entry.cursor).decode() if entry.cursor is not None else "the beginning"
        sums = (f"{getattr(entry, what):,}" for what in _SUMS)
        table.add_row(*sums, _time(entry.changed_us), escape(_cut(position)))
    return table


def show_preview(preview: Preview, what: str, rows: int) -> None:
    """The first records and refusals of a sample."""
    say(f"\n{what}: the first {preview.rows:,} rows give {len(preview.records):,} records, of these:")
    for record in preview.records[:rows]:
        say(f"  {record.topic}  {(record.key or b'').decode()}  {(record.value or b'').decode()}")
    say(f"{len(preview.bad):,} rows are refused{', such as:' if preview.bad else '.'}")
    for bad in preview.bad[:rows]:
        say(f"  row {bad.number}: {bad.detail}  {bad.original.decode(errors='backslashreplace')[:200]}")
    for rule, count in preview.counts.items():
        say(f"  {count:,} by rule {rule}")
    if preview.mismatch:
        say(f"none of these rows has all that the source's file names: {preview.mismatch}")


def say(line: str) -> None:
    """Data of strangers: no markup in it, and long lines stay whole."""
    Console(highlight=False).print(line, markup=False, soft_wrap=True)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in _LEFT else "right")
    return table


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(" ", "seconds") if at_us else "never"


def _cut(text: str) -> str:
    return text if len(text) <= 1_000 else f"{text[:1_000]}…"
