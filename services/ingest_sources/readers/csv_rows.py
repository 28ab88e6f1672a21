"""Reads CSV by pyarrow: rows of cells as text, with those that can't be told apart."""

import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from headrace.errors import Reason
from ingest_sources.readers.byte_stream import ByteStream
from ingest_sources.readers.csv_dialect import Dialect, check_header, find_dialect, line_of, take_header
from ingest_sources.readers.find_format import SAMPLE
from ingest_sources.readers.messages import Bad, Facts
from ingest_sources.readers.models import CsvOptions, Limits
from ingest_sources.readers.parts import Part, check_names, numbered, row_too_large
from ingest_sources.readers.refusal import FileRefused, too_large, unreadable
from ingest_sources.readers.text_stream import MARKED, Marks, find_encoding, unmarked, utf8_blocks

MALFORMED_RUN = 100_000
"""Malformed rows without a good one between them after which a file is refused: pyarrow reads on for a good one."""
_SMALLEST_BLOCK = 1 << 21


def csv_parts(
    stream: ByteStream, options: CsvOptions, limits: Limits, tabs: bool, told: Callable[[Facts], None], facts: Facts
) -> Iterator[Part]:
    """The rows in their order, all columns text.

    A row with another number of cells than the header is bad, and so is one with a byte that is no text, one over
    `limits.max_row_bytes`, and one that opens a quote which the file never closes. Blank lines are no rows.

    Raises:
        FileRefused: no text, no header that can be used, or a row so long that its end is not seen.
    """
    _skip_lines(stream, options.skip_lines)
    encoding = options.encoding or find_encoding(stream.peek(SAMPLE))
    marks = Marks()
    text = ByteStream(utf8_blocks(stream, encoding, marks))
    sample = text.peek(SAMPLE)
    start = sample.decode(errors="ignore")
    dialect = find_dialect(start, options, tabs)
    told(msgspec.structs.replace(facts, encoding=encoding, delimiter=dialect.delimiter, quote=dialect.quote))
    names = list(options.columns or ())
    if options.header or (options.header is None and not names):
        header, taken = take_header(start, dialect, len(sample) < SAMPLE)
        if not header:
            return
        text.read(len(start[:taken].encode()))
        names = names or _own_names(header)
    check_names(names, limits.max_columns)
    yield from _CsvRows(text, marks, names, dialect, limits).parts()


def _skip_lines(stream: ByteStream, count: int) -> None:
    for _ in range(count):
        head = stream.peek(SAMPLE)
        end = head.find(b"\n") + 1
        if not end and len(head) == SAMPLE:
            raise too_large(f"a line of csv.skip_lines does not end within {SAMPLE} bytes")
        stream.read(end or len(head))


def _own_names(header: list[str]) -> list[str]:
    for name in header:
        if any(0x10FF80 <= ord(character) <= 0x10FFFF for character in name):
            raise FileRefused(Reason.INVALID_UTF8, f"the header has bytes that are no text, in {unmarked(name)!r}")
    check_header(header)
    return header


class _Tail:
    """Feeds pyarrow, with a line at the end by which an open quote is seen: then the line is inside the last cell."""

    def __init__(self, text: ByteStream, line: str) -> None:
        self._text = text
        self._line = line.encode()
        self._last = b"\n"
        self.closed = self.ended = False

    def read(self, size: int) -> bytes:
        data = self._text.read(size)
        if data:
            self._last = data[-1:]
        elif not self.ended:
            self.ended = True
            return (b"" if self._last in b"\r\n" else b"\n") + self._line + b"\n"
        return data

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return True


class _CsvRows:
    def __init__(self, text: ByteStream, marks: Marks, names: Sequence[str], dialect: Dialect, limits: Limits) -> None:
        self._marks = marks
        self._names = list(names)
        self._dialect = dialect
        self._limits = limits
        self._end_line = f"headrace end of file {secrets.token_hex(16)}"
        self._tail = _Tail(text, self._end_line)
        # In the order of the file; pyarrow's handler is some blocks ahead of its batches.
        self._malformed: deque[Bad] = deque()
        self._run = self._run_end = 0
        self._next = 1

    def parts(self) -> Iterator[Part]:
        try:
            for batch in self._open():
                yield self._part(batch)
        except pa.ArrowInvalid as error:
            raise self._refusal(error) from error
        bad = [self._checked(row) for row in self._malformed if row.original != self._end_line.encode()]
        if bad:
            yield Part(numbered(self._no_cells(), []), bad[-1].number, bad)

    def _open(self) -> Any:
        names = self._names
        # A row of at most one block is always seen whole, whatever the blocks' borders.
        block = max(2 * self._limits.max_row_bytes, _SMALLEST_BLOCK)
        return pa.csv.open_csv(
            pa.PythonFile(self._tail, mode="r"),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=block, column_names=names),
            parse_options=pa.csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char=self._dialect.quote,
                newlines_in_values=True,
                invalid_row_handler=self._take_malformed,
            ),
            convert_options=pa.csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                null_values=[],
            ),
        )

    def _take_malformed(self, row: Any) -> str:
        self._run = self._run + 1 if row.number == self._run_end + 1 else 1
        self._run_end = row.number
        if self._run > MALFORMED_RUN:
            return "error"
        detail = f"the row has {row.actual_columns} cells where {row.expected_columns} are expected"
        self._malformed.append(Bad(row.number, Reason.MALFORMED_ROW, detail, unmarked(row.text)))
        return "skip"

    def _refusal(self, error: Exception) -> FileRefused:
        if self._run > MALFORMED_RUN:
            detail = f"{MALFORMED_RUN} rows before row {self._run_end} have not the header's {len(self._names)} cells"
            return FileRefused(Reason.MALFORMED_ROW, f"{detail}; set csv.delimiter, csv.quote or csv.columns")
        if "straddl" in str(error):
            limit = self._limits.max_row_bytes
            return too_large(
                f"a row after row {self._next - 1} is longer than limits.max_row_bytes, {limit}, or opens a quote with "
                f"{self._dialect.quote} that is not closed (csv.quote sets another)"
            )
        return unreadable(f"pyarrow can't parse it after row {self._next - 1}: {error}")

    def _part(self, batch: Any) -> Part:
        numbers, bad = self._number(batch.num_rows)
        table = numbered(dict(zip(self._names, batch.columns, strict=True)), numbers)
        table = self._without_end_line(table, bad)
        table = self._without_too_large(table, bad)
        table = self._without_invalid(table, bad)
        return Part(table, self._next - 1, sorted(bad, key=lambda row: row.number))

    def _number(self, count: int) -> tuple[list[int], list[Bad]]:
        """The numbers of the next good rows, and the malformed rows among them."""
        numbers: list[int] = []
        bad: list[Bad] = []
        while len(numbers) < count:
            # The number of good rows up to the next malformed one, or all.
            until = self._malformed[0].number if self._malformed else self._next + count
            good = min(until - self._next, count - len(numbers))
            numbers.extend(range(self._next, self._next + good))
            self._next += good
            while self._malformed and self._malformed[0].number == self._next and len(numbers) < count:
                bad.append(self._checked(self._malformed.popleft()))
                self._next += 1
        return numbers, bad

    def _checked(self, row: Bad) -> Bad:
        if len(row.original) > self._limits.max_row_bytes:
            return row_too_large(row.number, len(row.original), self._limits.max_row_bytes, row.original)
        if row.original.endswith(self._end_line.encode()):
            return self._open_quote(row.number, row.original)
        return row

    def _open_quote(self, number: int, original: bytes) -> Bad:
        own = original.removesuffix(self._end_line.encode()).removesuffix(b"\n")
        return Bad(number, Reason.MALFORMED_ROW, "the row opens a quote that is never closed", own)

    def _without_end_line(self, table: Any, bad: list[Bad]) -> Any:
        if not self._tail.ended or not table.num_rows:
            return table
        last = table.slice(table.num_rows - 1).to_pylist()[0]
        number, *cells = last.values()
        if cells == [self._end_line]:
            self._next -= 1
        elif any(self._end_line in cell for cell in cells):
            line = line_of([cell.removesuffix("\n").removesuffix(self._end_line) for cell in cells], self._dialect)
            bad.append(self._open_quote(number, unmarked(line)))
        else:
            return table
        return table.slice(0, table.num_rows - 1)

    def _without_too_large(self, table: Any, bad: list[Bad]) -> Any:
        limit = self._limits.max_row_bytes
        if table.nbytes <= limit:
            return table
        sizes = pc.binary_length(table.column(1))
        for column in table.columns[2:]:
            sizes = pc.add(sizes, pc.binary_length(column))
        large = pc.greater(sizes, limit)
        return self._without(
            table, large, lambda number, _, line: bad.append(row_too_large(number, len(line), limit, line))
        )

    def _without_invalid(self, table: Any, bad: list[Bad]) -> Any:
        if not self._marks.seen:
            return table
        marks = [pc.match_substring_regex(column, MARKED) for column in table.columns[1:]]
        invalid = marks[0]
        for mark in marks[1:]:
            invalid = pc.or_(invalid, mark)
        return self._without(table, invalid, lambda *row: bad.append(self._invalid(*row)))

    def _invalid(self, number: int, cells: list[str], line: bytes) -> Bad:
        name, cell = next((name, cell) for name, cell in zip(self._names, cells, strict=True) if _is_marked(cell))
        return Bad(number, Reason.INVALID_UTF8, f"{name!r} has bytes that are no text: {unmarked(cell)[:200]!r}", line)

    def _without(self, table: Any, rows: Any, take: Callable[[int, list[str], bytes], None]) -> Any:
        if not pc.any(rows).as_py():
            return table
        for row in table.filter(rows).to_pylist():
            number, *cells = row.values()
            take(number, cells, unmarked(line_of(cells, self._dialect)))
        return table.filter(pc.invert(rows))

    def _no_cells(self) -> dict[str, Any]:
        return {name: pa.array([], pa.string()) for name in self._names}


def _is_marked(cell: str) -> bool:
    return any("\U0010ff80" <= character <= "\U0010ffff" for character in cell)
