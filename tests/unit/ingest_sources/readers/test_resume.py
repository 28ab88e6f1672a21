"""Rows after a number are the tail of a whole read, with the same numbers."""

import io
import itertools
import json
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_sources.readers.models import Limits
from tests.unit.ingest_sources.readers.reading import Read, read, xlsx

ROWS = 1000
SUFFIXES = [".csv", ".ndjson", ".json", ".parquet", ".xlsx", ".avro", ".xml"]
LIMITS = Limits(chunk_rows=64, max_row_bytes=2000)


def csv_lines() -> bytes:
    rows = []
    for number in range(1, ROWS + 1):
        rows.append(
            b"ragged %d" % number
            if number % 7 == 0 or 300 < number < 340
            else b"%d,\xff" % number
            if number % 50 == 1
            else b'%d,"line\nof %d"' % (number, number)
        )
    return b"n,t\n" + b"\n".join(rows) + b"\n"


def ndjson_lines() -> bytes:
    def line(number: int) -> bytes:
        if number % 9 == 0:
            return b"{broken"
        value: object = f"t{number}" if number > 700 else number
        return json.dumps({"n": number, "v": value, f"c{number // 200}": 1.5 if number % 2 else 1}).encode()

    return b"\n\n".join(map(line, range(1, ROWS + 1)))


def avro_records() -> bytes:
    fields = [{"name": "n", "type": "long"}, {"name": "t", "type": ["null", "bytes", "string"]}]
    records = [{"n": n, "t": None if n % 3 else "x" * 3000 if n % 11 == 0 else f"text {n}"} for n in range(1, ROWS + 1)]
    file = io.BytesIO()
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": fields})
    fastavro.writer(file, schema, records, codec="deflate", sync_interval=1500)
    return file.getvalue()


def xml_elements() -> bytes:
    def row(number: int) -> bytes:
        if number % 9 == 0:
            return b'<row xmlns:p="p" a="1" p:a="2"/>'
        return b'<row n="%d"><a>text</a><b><c>%d</c></b></row>' % (number, number)

    return b"<rows>" + b"\n".join(map(row, range(1, ROWS + 1))) + b"</rows>"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("resume")
    (folder / "f.csv").write_bytes(csv_lines())
    (folder / "f.ndjson").write_bytes(ndjson_lines())
    objects = [json.dumps({"n": number, "v": number if number < 500 else "x"}) for number in range(ROWS)]
    (folder / "f.json").write_text(f"[{','.join(objects)}]")
    table = pa.table({"n": range(ROWS), "t": [f"text {number}" for number in range(ROWS)]})
    pq.write_table(table, folder / "f.parquet", row_group_size=130)
    xlsx(folder / "f.xlsx", [["n", "v"], *([n, f"text {n}" if n % 5 else None] for n in range(1, ROWS + 1))])
    (folder / "f.avro").write_bytes(avro_records())
    (folder / "f.xml").write_bytes(xml_elements())
    return {path.suffix: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def wholes(files: dict[str, Path]) -> dict[str, Read]:
    return {suffix: read(path, LIMITS, **encoding(suffix)) for suffix, path in files.items()}


def encoding(suffix: str) -> dict[str, Any]:
    return {"encoding": "utf-8"} if suffix == ".csv" else {}


def by_number(done: Read) -> dict[int, object]:
    good = {
        number: {name: value for name, value in row.items() if value is not None}
        for number, row in zip(done.numbers, done.rows, strict=True)
    }
    return {**good, **{row.number: row for row in done.bad}}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_row_is_there_once_and_parts_are_in_order(suffix: str, wholes: dict[str, Read]) -> None:
    whole = wholes[suffix]
    assert whole.refused is None
    assert sorted(by_number(whole)) == list(range(1, ROWS + 1))
    first = 1
    for part in whole.parts:
        seen = sorted(part.table["__row__"].to_list() + [row.number for row in part.bad])
        assert seen == list(range(first, part.end + 1))
        assert part.table["__row__"].dtype == pl.Int64
        assert part.table.height <= LIMITS.chunk_rows
        first = part.end + 1


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=12)
@given(after=st.integers(0, ROWS + 3))
def test_the_tail_is_the_same(suffix: str, after: int, files: dict[str, Path], wholes: dict[str, Read]) -> None:
    tail = read(files[suffix], LIMITS, after, **encoding(suffix))
    whole = by_number(wholes[suffix])
    assert by_number(tail) == {number: row for number, row in whole.items() if number > after}


def test_numbers_do_not_depend_on_the_parts(files: dict[str, Path], wholes: dict[str, Read]) -> None:
    for suffix, rows in [*itertools.product((".csv", ".parquet"), (1, 7, 5000)), (".avro", 7), (".xml", 7)]:
        other = read(files[suffix], LIMITS.model_copy(update={"chunk_rows": rows}), **encoding(suffix))
        assert by_number(other) == by_number(wholes[suffix])


def test_numbers_over_many_blocks(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(
        b"n,t\n" + b"".join(b"%d,%s\n" % (n, b"x" * 20) if n % 1000 else b"bad\n" for n in range(1, 300_001))
    )
    done = read(path)
    assert [int(row["n"]) for row in done.rows] == done.numbers
    assert [row.number for row in done.bad] == list(range(1000, 300_001, 1000))
    assert read(path, after_row=299_998).numbers == [299_999]
