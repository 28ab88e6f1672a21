"""`headrace detect`: the live detection rules over a CSV file."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from headrace.errors import ConfigurationError
from process_readings.detect.score_rows import RowScorer, ScoredRow, read_rows
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

    Example: headrace detect cellar.csv --metric temperature --output scored.csv
    """
    if output != _STDOUT and output.exists() and file.exists() and output.samefile(file):
        raise ConfigurationError(f"--output {output} is the file that is read; give another")
    scorer = RowScorer(load_device_types(device_types), device_type, metric)
    with _opened(file) as lines:
        rows = read_rows(lines, str(file))
        with _writable(output) as out:
            _write(out, (scorer.score(*row) for row in rows))
    counts = scorer.counts
    typer.echo(f"{counts.rows} rows, {counts.anomalies} anomalies, {counts.unread} unread", err=True)


def _write(out: TextIO, rows: Iterator[ScoredRow]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ScoredRow._fields)
    writer.writerows(rows)


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
