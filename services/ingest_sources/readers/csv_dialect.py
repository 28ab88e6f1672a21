"""Finds how a CSV file is written from its first lines.

`csv.Sniffer` is not used: it takes letters for delimiters and fails on quoted line ends.
"""

import collections
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest_sources.readers.models import CsvOptions
from ingest_sources.readers.refusal import FileRefused, too_large, unreadable

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 200
_SCORED_CHARS = 65_536
_CONVINCING = 0.9
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    quote: str


def find_dialect(sample: str, options: CsvOptions, tabs: bool) -> Dialect:
    """The dialect of the lines in `sample`, as far as it is not given.

    Args:
        tabs: the file's name says that tabs divide the cells.
    """
    lines = _lines(sample[:_SCORED_CHARS])
    quote = options.quote or _find_quote(lines, options.delimiter)
    if options.delimiter is not None:
        return Dialect(options.delimiter, quote)
    if tabs:
        return Dialect("\t", quote)
    candidates = [delimiter for delimiter in DELIMITERS if delimiter != quote]
    scores = {delimiter: _score(lines, delimiter, quote) for delimiter in candidates}
    best = max(candidates, key=scores.__getitem__)
    return Dialect(best if scores[best] > (0, False, 0) else ",", quote)


def looks_like_csv(sample: str) -> bool:
    """Nearly all lines have the header's number of cells, and that is more than one."""
    lines = _lines(sample[:_SCORED_CHARS])
    quote = _find_quote(lines, None)
    share, as_header, _ = max(_score(lines, delimiter, quote) for delimiter in DELIMITERS)
    return as_header and share > _CONVINCING


def take_header(sample: str, dialect: Dialect, whole: bool) -> tuple[list[str], int]:
    """The cells of the first row that is not blank, and how many characters it takes with the blank ones before it.

    Args:
        whole: the sample is all that there is.

    Raises:
        FileRefused: the row does not end within the sample.
    """
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in _LINE.finditer(sample):
            taken = line.end()
            yield line.group()

    for row in _rows(lines(), dialect.delimiter, dialect.quote):
        if row and (whole or taken < len(sample)):
            return [cell.strip() for cell in row], taken
    if whole:
        return [], taken
    raise too_large(f"the header does not end within {len(sample)} characters; is a quote never closed?")


def check_header(names: list[str]) -> None:
    """Raises FileRefused: a name is empty or there twice, so that cells can't be told apart."""
    how = "set csv.columns to one name a column (and csv.header to true, if the file's first row is still a header)"
    empty = [place for place, name in enumerate(names, 1) if not name]
    if empty:
        raise unreadable(f"the header has no name for column {empty[0]} of {len(names)}; {how}")
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise unreadable(f"the header has {twice[0]!r} {names.count(twice[0])} times; {how}")


def _lines(sample: str) -> list[str]:
    return [line.group() for line in _LINE.finditer(sample) if line.group()][:_SAMPLE_ROWS]


def _rows(lines: Iterator[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    limit = csv.field_size_limit(1 << 30)
    try:
        yield from csv.reader(lines, delimiter=delimiter, quotechar=quote)
    except csv.Error as error:
        raise unreadable(f"the header can't be parsed: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _find_quote(lines: list[str], delimiter: str | None) -> str:
    """An apostrophe only where cells are wrapped in them and none in double quotes: it is also a letter."""
    text = "".join(lines)
    dividers = re.escape(delimiter or "".join(DELIMITERS))

    def wrapped(quote: str) -> int:
        cell = rf"(?:^|[\r{dividers}]){quote}(?:[^{quote}]|{quote}{quote})*{quote}(?=[{dividers}\r\n]|\Z)"
        return len(re.findall(cell, text, re.MULTILINE))

    return "'" if wrapped("'") > 1 and not wrapped('"') else '"'


def _score(lines: list[str], delimiter: str, quote: str) -> tuple[float, bool, int]:
    """How well the rows agree on a number of cells: their share, whether the header does, the number."""
    try:
        counts = [len(row) for row in _rows(iter(lines), delimiter, quote) if row]
    except FileRefused:
        return 0, False, 0
    usual, rows = collections.Counter(counts).most_common(1)[0] if counts else (0, 0)
    if usual < 2:
        # Most rows are one cell: worth something only if the header is divided.
        return (0, True, counts[0]) if counts and counts[0] > 1 else (0, False, 0)
    return rows / len(counts), counts[0] == usual, usual


def line_of(cells: list[str], dialect: Dialect) -> str:
    """The row as a line, for the dead letters: its own is not kept."""
    line = io.StringIO()
    csv.writer(line, delimiter=dialect.delimiter, quotechar=dialect.quote, lineterminator="").writerow(cells)
    return line.getvalue()
