"""`headrace sources check|run|backfill|status|report`: what is configured, done by hand or again, how it stands."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from headrace.errors import ConfigurationError
from ingest_sources.airflow_dags import write_dags
from ingest_sources.app import FeedParts, Parts, folder_of
from ingest_sources.feeds.feed_run import FeedRun
from ingest_sources.feeds.feed_source import FeedSource, PolledSource
from ingest_sources.files.file_source import FileSource
from ingest_sources.files.folder_run import FolderRun, Outcome
from ingest_sources.keys import load_keys
from ingest_sources.ledger import FileEntry, read_ledger
from ingest_sources.preview import preview_feed, preview_file
from ingest_sources.quality.report import plain
from ingest_sources.quality.report_page import report_page
from ingest_sources.quality.report_tables import show_reports
from ingest_sources.quality.report_topic import KEPT, read_reports
from ingest_sources.rules.pseudonyms import pseudonyms_of
from ingest_sources.settings import Settings
from ingest_sources.source import Source, load_source, load_sources
from ingest_sources.sources_tables import feed_table, files_table, say, show_preview, sources_table

app = typer.Typer(help="Rows from elsewhere into topics: check a source, run it, run it again, see how it stands.")
Name = Annotated[str, typer.Argument(help="Name of the source: its file in the sources folder, without .yaml")]
_LOOK_S = 0.2
_SILENCE_S = 3.0


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="Name of the source; all, if none is given")] = None,
    sample: Annotated[Path | None, typer.Option(help="A file to try it with; else the first that waits")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Records and refusals to show")] = 3,
) -> None:
    """Says what is wrong in a source's file, and shows what would become of its first rows. Writes nothing.

    Example: headrace sources check air_quality --sample day.csv
    """
    settings = Settings.load()
    if name is None:
        found = load_sources(settings.sources)
        Console().print(f"right: {', '.join(found)}" if found else f"no source is in {settings.sources}")
        return
    source = _load(settings, name)
    if isinstance(source, FileSource):
        _check_files(settings, source, sample, rows)
    elif sample is not None:
        raise ConfigurationError(f"--sample is for sources of files, and {name} is of kind {source.kind}")
    else:
        _check_feed(settings, source, rows)


@app.command()
def run(name: Name) -> None:
    """Delivers what a source has now, and ends: a stream when nothing came for some seconds.

    Example: headrace sources run air_quality
    """
    settings = Settings.load()
    source = _load(settings, name)
    if isinstance(source, FileSource):
        with _running(settings, source) as (folder_run, parts):
            _work_off(folder_run, parts)
        return
    with _feeding(settings, source) as feed_run:
        _deliver(source, feed_run)


@app.command()
def backfill(
    name: Name,
    pattern: Annotated[
        str | None, typer.Argument(help="Of a source of files: names in the archive, such as '2011-*.csv'")
    ] = None,
) -> None:
    """Delivers a source again from its beginning, or files of its archive, as after a change of the rules.

    Readings with the same device, metric and time are known as repeats; a topic of the source's own gets the rows anew.

    Example: headrace sources backfill air_quality '2011-*'
    """
    settings = Settings.load()
    source = _load(settings, name)
    if isinstance(source, FileSource):
        if pattern is None:
            raise ConfigurationError(f"say which files of the archive: headrace sources backfill {name} 'PATTERN'")
        with _running(settings, source) as (folder_run, parts):
            Console().print(f"{folder_run.take_again(pattern)} files are taken from the archive")
            _work_off(folder_run, parts)
        return
    if pattern is not None:
        raise ConfigurationError(f"a pattern is for sources of files, and {name} is of kind {source.kind}")
    if not source.IS_REPEATABLE:
        raise ConfigurationError(f"{name} is of kind {source.kind}, whose rows are gone where they came from")
    with _feeding(settings, source) as feed_run:
        feed_run.forget()
        _deliver(source, feed_run)


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="Name of the source; all, if none is given")] = None,
) -> None:
    """Shows how the sources stand, or one with its files or its position.

    Example: headrace sources status air_quality
    """
    settings = Settings.load()
    source = _load(settings, name) if name is not None else None
    entries = read_ledger(settings.brokers)
    own = [entry for entry in entries if entry.source == name]
    if source is None:
        sources = load_sources(settings.sources)
        waiting = {
            name: len(folder_of(settings, source).waiting())
            for name, source in sources.items()
            if isinstance(source, FileSource)
        }
        Console().print(sources_table(sources, waiting, entries))
    elif isinstance(source, FileSource):
        Console().print(files_table([entry for entry in own if isinstance(entry, FileEntry)]))
    else:
        Console().print(feed_table([entry for entry in own if not isinstance(entry, FileEntry)]))


@app.command()
def report(
    name: Name,
    runs: Annotated[int, typer.Option(min=1, max=KEPT, help="Runs to show")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, the newest run first")] = False,
    html: Annotated[Path | None, typer.Option(help="Write it as a page into this file")] = None,
) -> None:
    """Shows what the last runs of a source brought, what rules refused, and how the last differs from those before.

    Example: headrace sources report air_quality --html report.html
    """
    settings = Settings.load()
    _load(settings, name)
    found = read_reports(settings.brokers, name)[-runs:][::-1]
    if html is not None:
        html.write_text(report_page(name, found), encoding="utf-8")
        say(f"written: {html}")
    if as_json:
        typer.echo(json.dumps([plain(each) for each in found], indent=2))
    elif html is None:
        show_reports(name, found)


@app.command()
def airflow(
    folder: Annotated[Path, typer.Argument(help="Airflow's folder of DAGs, or one in it")],
    command: Annotated[str, typer.Option(help="How Airflow's workers call this command")] = "headrace",
) -> None:
    """Writes the sources as DAGs for Airflow 3; stop the service, or leave these sources out of its folder.

    Example: headrace sources airflow dags/headrace --command /opt/headrace/.venv/bin/headrace
    """
    written, streams = write_dags(load_sources(Settings.load().sources), folder, command)
    for path in written:
        say(f"written: {path}")
    for name in streams:
        say(f"left out: {name}, a stream, which never ends; the service runs it")


@app.command()
def pseudonym(
    key: Annotated[str, typer.Argument(help="Name of the key, as rules `pseudonymise` have it")],
) -> None:
    """Shows the pseudonyms of a value under all keys of a name, to find what is stored of a person.

    The value comes from standard input, so that no shell keeps it; it is hashed as it is, without the line's end.

    Example: headrace sources pseudonym customers < value.txt
    """
    value = typer.get_text_stream("stdin").read().removesuffix("\n").removesuffix("\r")
    for found in pseudonyms_of(value, key, load_keys(Settings.load().keys)):
        typer.echo(found)


def _load(settings: Settings, name: str) -> Source:
    path = settings.sources / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in settings.sources.glob("*.yaml"))) or "none"
        raise ConfigurationError(f"there is no source {name} in {settings.sources}; there are: {known}")
    return load_source(path)


def _check_files(settings: Settings, source: FileSource, sample: Path | None, rows: int) -> None:
    parts = Parts(settings, source, threading.Event())
    parts.rules.load_references()
    file = sample or next((parts.folder.path / waiting for waiting in parts.folder.waiting()), None)
    Console().print(f"[green]{source.name} is right.[/] Files {escape(source.pattern)} of {parts.folder.path}")
    if file is None:
        Console().print("No file waits there; give one with --sample to see what becomes of it.")
        return
    show_preview(preview_file(source, parts.rules, file), file.name, rows)


def _check_feed(settings: Settings, source: FeedSource, rows: int) -> None:
    parts = FeedParts(settings, source, threading.Event())
    parts.rules.load_references()
    Console().print(f"[green]{source.name} is right.[/] A source of kind {source.kind}; asking it for a sample")
    show_preview(preview_feed(source, parts.rules, parts.connect), source.name, rows)


@contextmanager
def _running(settings: Settings, source: FileSource) -> Iterator[tuple[FolderRun, Parts]]:
    def on_file(file: str, outcome: Outcome, entry: FileEntry | None) -> None:
        counts = (
            f"{entry.delivered:,} delivered, {entry.rejected:,} rejected, {entry.dropped:,} dropped" if entry else ""
        )
        why = f": {entry.detail}" if entry and entry.state == "refused" else ""
        say(f"{outcome:8} {file}  {counts}{why}")

    parts = Parts(settings, source, threading.Event(), None, on_file)
    run = parts.start()
    try:
        yield run, parts
    finally:
        parts.folder.release()
        parts.close()


@contextmanager
def _feeding(settings: Settings, source: FeedSource) -> Iterator[FeedRun]:
    parts = FeedParts(settings, source, threading.Event())
    run = parts.start()
    try:
        yield run
    finally:
        parts.lock.release()
        parts.close()


def _work_off(run: FolderRun, parts: Parts) -> None:
    count = parts.work_off(run)
    while parts.folder.waiting():
        # What is being written is waited for, as long as it takes.
        threading.Event().wait(_LOOK_S)
        count += run.work_off()
    Console().print(f"{count} files" if count else f"no file waits in {parts.folder.path}")


def _deliver(source: FeedSource, run: FeedRun) -> None:
    before = run.entry
    # What is polled comes to an end by itself, however long an answer takes.
    run.run_once(None if isinstance(source, PolledSource) else _SILENCE_S)
    new = [getattr(run.entry, what) - getattr(before, what) for what in ("delivered", "rejected", "dropped")]
    say(f"{new[0]:,} delivered, {new[1]:,} rejected, {new[2]:,} dropped")
