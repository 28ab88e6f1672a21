"""Rows of files: CSV, Parquet and JSON lines."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as arrow_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from train_models.data.blocks import BLOCK_ROWS, TEXT
from train_models.data.spool import spooled

_BLOCK_BYTES = 4_194_304
_FORMATS = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".jsonl": "json", ".ndjson": "json"}
_LINE = msgspec.json.Decoder(dict[str, float | int | bool | str | None])
Rows = Iterator[pa.RecordBatch]


def file_rows(pattern: str, delimiter: str, base: Path, scratch: Path) -> AbstractContextManager[Rows]:
    """The rows of all files that a path or glob names, file after file in the order of their paths.

    Raises:
        ConfigurationError: there is no such file, their formats or columns differ, or one can't be read.
    """
    paths = _matching(pattern, base)
    kinds = {_format_of(path) for path in paths}
    if len(kinds) > 1:
        raise ConfigurationError(f"files {pattern}: CSV, Parquet and JSON lines can't be mixed")
    kind = kinds.pop()
    if kind == "csv":
        return nullcontext(_same_columns(paths, (_csv(path, delimiter) for path in paths)))
    rows = _parquet if kind == "parquet" else _json_lines
    return spooled((batch for path in paths for batch in rows(path)), scratch)


def _matching(pattern: str, base: Path) -> list[Path]:
    path = Path(pattern)
    root, relative = (Path(path.anchor), path.relative_to(path.anchor)) if path.is_absolute() else (base, path)
    found = sorted(each for each in root.glob(str(relative)) if each.is_file())
    if not found:
        raise ConfigurationError(f"files: nothing matches {pattern} below {root.resolve()}")
    return found


def _format_of(path: Path) -> str:
    for ending, kind in _FORMATS.items():
        if path.name.lower().endswith(ending):
            return kind
    raise ConfigurationError(f"files: {path.name} is none of {', '.join(_FORMATS)}")


def _same_columns(paths: Iterable[Path], files: Iterable[Rows]) -> Rows:
    names: list[str] | None = None
    for path, rows in zip(paths, files, strict=True):
        for batch in rows:
            names = names or batch.schema.names
            if set(batch.schema.names) != set(names):
                strange = sorted(set(names) ^ set(batch.schema.names))
                raise ConfigurationError(f"{path.name} has other columns than the files before it: {strange}")
            yield batch.select(names)


def _csv(path: Path, delimiter: str) -> Rows:
    """Every cell a text: what it means the inputs say, and not its first thousand rows."""
    names = _header(path, delimiter)
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    read = arrow_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False)
    convert = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, TEXT), strings_can_be_null=False)
    try:
        with arrow_csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert) as rows:
            yield from rows
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"{path.name} can't be read as CSV: {error}") from error


def _header(path: Path, delimiter: str) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as text:
        try:
            names = next(csv.reader(text, delimiter=delimiter), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise ConfigurationError(f"{path.name} can't be read as CSV in UTF-8: {error}") from error
    if not names or "" in names or len(set(names)) < len(names):
        raise ConfigurationError(f"{path.name}: the first line must name each column once, and is {names}")
    return names


def _parquet(path: Path) -> Rows:
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(BLOCK_ROWS, use_threads=False)
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"{path.name} can't be read as Parquet: {error}") from error


def _json_lines(path: Path) -> Rows:
    with path.open("rb") as lines:
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        while part := list(islice(numbered, BLOCK_ROWS)):
            yield batch_of_objects([_object(path, number, line) for number, line in part], path.name)


def _object(path: Path, number: int, line: bytes) -> dict[str, float | int | bool | str | None]:
    try:
        return _LINE.decode(line)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{path.name}, line {number}: not an object of plain values: {error}") from error


def batch_of_objects(rows: list[dict[str, float | int | bool | str | None]], where: str) -> pa.RecordBatch:
    """Objects as a batch: all names that occur, and nothing where an object lacks one.

    Raises:
        ConfigurationError: a column has values of several types, or an integer beyond 64 bits.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    columns = []
    for name in names:
        try:
            columns.append(pa.array([row.get(name) for row in rows]))
        except (pa.ArrowException, OverflowError, TypeError) as error:
            raise ConfigurationError(f"{where}: column {name!r} can't be one type: {error}") from error
    return pa.RecordBatch.from_arrays(columns, names=list(names))
