"""`headrace detect`: the live detection rules over a CSV file."""

import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, TextIO

import typer

from headrace.errors import ConfigurationError
from process_readings.detect.plot_rows import PlotRows
from process_readings.detect.score_rows import JudgedRow, RowCounts, RowScorer, ScoredRow, read_rows
from process_readings.device_types import DEFAULT, load_device_types
from process_readings.settings import DEVICE_TYPES_FILE

_STDOUT = Path("-")


def detect(
    file: Annotated[Path, typer.Argument(help="CSV with the columns timestamp (ISO 8601 or epoch) and value")],
    metric: Annotated[
        str, typer.Option(help="The metric's name, by which the device type chooses range and detector")
    ] = "value",
    device_type: Annotated[str, typer.Option(help="A device type of the file of device types")] = DEFAULT,
    output: Annotated[Path, typer.Option(help="Where the scored CSV goes; - is the terminal")] = _STDOUT,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draws series, scores and detections into a .png or .svg; needs headrace[plots]"),
    ] = None,
    device_types: Annotated[
        Path,
        typer.Option(
            envvar="PROCESS_READINGS_DEVICE_TYPES",
            show_default="deploy/device_types.yaml",
            help="The file of device types",
        ),
    ] = DEVICE_TYPES_FILE,
) -> None:
    """Finds the anomalies in a CSV file as the pipeline would have found them live.

    Writes timestamp, value, anomaly_score, threshold, is_anomaly, reason.
    The score of a row depends on that row and those before it.
    A row without a number is passed on with an empty score and a reason.

    Example: headrace detect cellar.csv --metric temperature --output scored.csv --plot scored.png
    """
    _check_apart(file, output, plot)
    scorer = RowScorer(load_device_types(device_types), device_type, metric)
    picture = None if plot is None else Picture(plot)
    with _opened(file) as lines:
        rows = (scorer.judge(*row) for row in read_rows(lines, str(file)))
        with _writable(output) as out:
            _write(out, rows if picture is None else picture.watch(rows))
    counts = scorer.counts
    if picture is not None:
        picture.save(counts, f"{file.name} · {metric}", scorer.zone)
    typer.echo(f"{counts.rows} rows, {counts.anomalies} anomalies, {counts.unread} unread", err=True)


def _check_apart(file: Path, output: Path, plot: Path | None) -> None:
    if output != _STDOUT and _are_same(output, file):
        raise ConfigurationError(f"--output {output} is the file that is read; give another")
    if plot is not None and _are_same(plot, file):
        raise ConfigurationError(f"--plot {plot} is the file that is read; give another")
    if plot is not None and output != _STDOUT and _are_same(plot, output):
        raise ConfigurationError(f"--plot {plot} is the file that --output writes; give another")


def _are_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def _write(out: TextIO, rows: Iterator[JudgedRow]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ScoredRow._fields)
    writer.writerows(row.written() for row in rows)


class Picture:
    """The picture of the rows that go by.

    Raises:
        ConfigurationError: matplotlib is missing, or no picture can be written there; said before the work begins.
    """

    def __init__(self, path: Path) -> None:
        try:
            from process_readings.detect.plot_picture import SUFFIXES, save_picture
        except ModuleNotFoundError as error:
            raise ConfigurationError(f"--plot needs matplotlib: pip install 'headrace[plots]' ({error})") from error
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigurationError(f"--plot {path} is no picture; its name must end in {' or '.join(SUFFIXES)}")
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise ConfigurationError(f"--plot {path} cannot be written; give a file in a folder that can be")
        self._path, self._save, self._rows = path, save_picture, PlotRows()

    def watch(self, rows: Iterator[JudgedRow]) -> Iterator[JudgedRow]:
        """Passes the rows on."""
        for row in rows:
            self._rows.add(row)
            yield row

    def save(self, counts: RowCounts, title: str, zone: tzinfo) -> None:
        """Writes the file."""
        self._save(self._path, self._rows, counts, title, zone)


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    try:
        lines = file.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    with lines:
        yield lines


@contextmanager
def _writable(output: Path) -> Iterator[TextIO]:
    if output == _STDOUT:
        yield sys.stdout
        return
    try:
        out = output.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error.strerror}") from error
    with out:
        yield out
