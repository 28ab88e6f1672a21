"""`headrace sources check|run|backfill|status`: what is configured, done by hand, done again, and how it stands."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headrace.errors import ConfigurationError
from ingest_sources.app import Parts, folder_of
from ingest_sources.folder_run import FolderRun, Outcome
from ingest_sources.ledger import FileEntry, read_entries
from ingest_sources.preview import Preview, preview_file
from ingest_sources.settings import Settings
from ingest_sources.source import FileSource, load_source, load_sources

app = typer.Typer(help="Files into topics: check a source, run it by hand, run it again, see how it stands.")
Name = Annotated[str, typer.Argument(help="Name of the source: its file in the sources folder, without .yaml")]
_LOOK_S = 0.2


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="Name of the source; all, if none is given")] = None,
    sample: Annotated[Path | None, typer.Option(help="A file to try it with; else the first that waits")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Records and refusals to show")] = 3,
) -> None:
    """Says what is wrong in a source's file, and shows what would become of a file. Writes nothing, needs no Kafka.

    Example: headrace sources check air_quality --sample day.csv
    """
    settings = Settings.load()
    if name is None:
        found = load_sources(settings.sources)
        Console().print(f"right: {', '.join(found)}" if found else f"no source is in {settings.sources}")
        return
    source = _load(settings, name)
    parts = Parts(settings, source, threading.Event())
    file = sample or next((parts.folder.path / waiting for waiting in parts.folder.waiting()), None)
    Console().print(f"[green]{name} is right.[/] Files {escape(source.pattern)} of {parts.folder.path}")
    if file is None:
        Console().print("No file waits there; give one with --sample to see what becomes of it.")
        return
    _show(preview_file(source, parts.rules, file), file, rows)


@app.command()
def run(name: Name) -> None:
    """Loads what lies in a source's folder now, and ends. A file that was begun is loaded on.

    Example: headrace sources run air_quality
    """
    with _running(name) as (run, parts):
        _work_off(run, parts)


@app.command()
def backfill(
    name: Name, pattern: Annotated[str, typer.Argument(help="Names in the archive, such as '2011-*.csv'")]
) -> None:
    """Loads files of the archive again from their beginnings, as after a change of the rules.

    Readings with the same device, metric and time are known as repeats; a topic of the source's own gets the rows anew.

    Example: headrace sources backfill air_quality '2011-*'
    """
    with _running(name) as (run, parts):
        Console().print(f"{run.take_again(pattern)} files are taken from the archive")
        _work_off(run, parts)


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="Name of the source; all, if none is given")] = None,
) -> None:
    """Shows how the sources stand, or the files of one.

    Example: headrace sources status air_quality
    """
    settings = Settings.load()
    entries = read_entries(settings.brokers)
    if name is not None:
        _load(settings, name)
        Console().print(_files_table([entry for entry in entries if entry.source == name]))
        return
    table = _table("source", "waiting", "done", "refused", "loading", "delivered", "rejected", "dropped")
    for source in load_sources(settings.sources).values():
        own = [entry for entry in entries if entry.source == source.name]
        states = Counter(entry.state for entry in own)
        waiting = len(folder_of(settings, source).waiting())
        sums = [sum(getattr(entry, what) for entry in own) for what in ("delivered", "rejected", "dropped")]
        counts = [waiting, states["done"], states["refused"], states["loading"], *sums]
        table.add_row(source.name, *(f"{count:,}" for count in counts))
    Console().print(table)


def _load(settings: Settings, name: str) -> FileSource:
    path = settings.sources / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in settings.sources.glob("*.yaml"))) or "none"
        raise ConfigurationError(f"there is no source {name} in {settings.sources}; there are: {known}")
    return load_source(path)


@contextmanager
def _running(name: str) -> Iterator[tuple[FolderRun, Parts]]:
    settings = Settings.load()

    def on_file(file: str, outcome: Outcome, entry: FileEntry | None) -> None:
        counts = (
            f"{entry.delivered:,} delivered, {entry.rejected:,} rejected, {entry.dropped:,} dropped" if entry else ""
        )
        why = f": {entry.detail}" if entry and entry.state == "refused" else ""
        _say(f"{outcome:8} {file}  {counts}{why}")

    parts = Parts(settings, _load(settings, name), threading.Event(), None, on_file)
    run = parts.start()
    try:
        yield run, parts
    finally:
        parts.folder.release()


def _work_off(run: FolderRun, parts: Parts) -> None:
    count = run.work_off()
    while parts.folder.waiting():
        # What is being written is waited for, as long as it takes.
        threading.Event().wait(_LOOK_S)
        count += run.work_off()
    Console().print(f"{count} files" if count else f"no file waits in {parts.folder.path}")


def _show(preview: Preview, file: Path, rows: int) -> None:
    _say(f"\n{file.name}: the first {preview.rows:,} rows give {len(preview.records):,} records, of these:")
    for record in preview.records[:rows]:
        _say(f"  {record.topic}  {(record.key or b'').decode()}  {(record.value or b'').decode()}")
    _say(f"{len(preview.bad):,} rows are refused{', such as:' if preview.bad else '.'}")
    for bad in preview.bad[:rows]:
        _say(f"  row {bad.number}: {bad.detail}  {bad.original.decode(errors='backslashreplace')[:200]}")
    for rule, count in preview.counts.items():
        _say(f"  {count:,} by rule {rule}")


def _say(line: str) -> None:
    """Data of strangers: no markup in it, and long lines stay whole."""
    Console(highlight=False).print(line, markup=False, soft_wrap=True)


def _files_table(entries: list[FileEntry]) -> Table:
    table = _table("file", "state", "bytes", "delivered", "rejected", "dropped", "detail")
    for entry in sorted(entries, key=lambda entry: entry.begun_us):
        counts = (entry.size, entry.delivered, entry.rejected, entry.dropped)
        table.add_row(escape(entry.file), entry.state, *(f"{n:,}" for n in counts), escape(entry.detail))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("source", "file", "state", "detail") else "right")
    return table
