"""Reads Parquet: its types as few types, and the files of parquet-testing."""

import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from headrace.errors import Reason
from ingest_sources.readers.models import Limits
from tests.unit.ingest_sources.readers.reading import corpus, read

REFUSED = {
    # README: "with a mismatching CRC"; pyarrow reads them unless asked to compare.
    "datapage_v1-corrupt-checksum.parquet": "CRC",
    "rle-dict-uncompressed-corrupt-checksum.parquet": "CRC",
    # README: a map "without explicitly required keys, produced by Presto"; Arrow refuses them.
    "incorrect_map_schema.parquet": "Map keys must be annotated as required",
    # README: "a string column chunk of more than 2GB": over the memory that a reader has.
    "large_string_map.brotli.parquet": "memory",
}
# A corpus of bugs; this one is a valid encoding that Arrow learned to read (GH-43605: bit width 0).
READ_THOUGH_BAD = {"ARROW-GH-43605.parquet": 21186}


def test_parquet_testing(shared_data: Path) -> None:
    for end in ("parquet", "parquet.encrypted"):
        for path in corpus(shared_data, f"parquet-testing/data/**/*.{end}"):
            check_parquet_testing(path)


def check_parquet_testing(path: Path) -> None:
    done = read(path)
    if path.suffix == ".encrypted":
        assert done.refused is not None, path.name
        assert "crypt" in done.refused.detail, path.name
    elif path.name in REFUSED:
        assert done.refused is not None, path.name
        assert REFUSED[path.name] in done.refused.detail, path.name
    else:
        assert done.refused is None, path.name
        assert not done.bad, path.name
        table = pq.ParquetFile(path)
        rows = sum(table.metadata.row_group(group).num_rows for group in range(table.num_row_groups))
        assert done.numbers == list(range(1, rows + 1)), path.name


def test_parquet_testing_bad_data(shared_data: Path) -> None:
    for path in corpus(shared_data, "parquet-testing/bad_data/*.parquet"):
        done = read(path)
        if path.name in READ_THOUGH_BAD:
            assert len(done.rows) == READ_THOUGH_BAD[path.name]
        else:
            assert done.refused is not None, path.name
            assert done.refused.reason == Reason.UNEXPECTED_SHAPE, path.name


def test_values_beside_the_readme_s(shared_data: Path) -> None:
    folder = shared_data / "files/parquet-testing/data"
    # int96_from_spark.md, as microseconds. Its sixth, of the year 290000, is wrong in Arrow itself, which overflows.
    assert [row["a"] for row in read(folder / "int96_from_spark.parquet").rows][:5] == [
        "2024-01-01T20:34:56.123456",
        "2024-01-01T01:00:00.000000",
        "9999-12-31T03:00:00.000000",
        "2024-12-30T23:00:00.000000",
        None,
    ]
    assert read(folder / "int32_decimal.parquet").rows[0] == {"value": "1.00"}
    assert read(folder / "nullable.impala.parquet").rows[0]["nested_struct.A"] == 1
    assert len(read(folder / "delta_byte_array.parquet").rows) == 1000


def write(folder: Path, columns: dict[str, object], **options: object) -> Path:
    path = folder / "file.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_types(tmp_path: Path) -> None:
    time = dt.datetime(2024, 1, 2, 3, 4, 5, 600)
    zone = dt.timezone(dt.timedelta(hours=2))
    path = write(
        tmp_path,
        {
            "z": pa.array([5], pa.uint8()),
            "zoned": pa.array([time.replace(tzinfo=zone)], pa.timestamp("ns", "+02:00")),
            "plain": pa.array([time], pa.timestamp("us")),
            "decimal": pa.array([decimal.Decimal("1.20")]),
            "s": pa.array([{"a": 1, "b": {"c": [1, None]}}]),
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
            "text": pa.array([b"ok"]),
            "bytes": pa.array([b"\xff\xfe"]),
            "uint64": pa.array([2**64 - 1], pa.uint64()),
            "date": pa.array([time.date()]),
            "dict": pa.array(["x"]).dictionary_encode(),
            "half": pa.array([0.5], pa.float16()),
            "null": pa.nulls(1),
            "times": pa.array([[time]]),
        },
    )
    done = read(path)
    assert done.refused is None
    assert done.rows == [
        {
            "z": 5,
            "zoned": int(time.replace(tzinfo=zone).timestamp() * 1e6),
            "plain": "2024-01-02T03:04:05.000600",
            "decimal": "1.20",
            "s.a": 1,
            "s.b.c": "[1,null]",
            "map": '{"k":1}',
            "text": "ok",
            "bytes": "//4=",
            "uint64": 2**64 - 1,
            "date": "2024-01-02",
            "dict": "x",
            "half": 0.5,
            "null": None,
            "times": '["2024-01-02T03:04:05.000600"]',
        }
    ]


def test_text_that_is_no_utf8_and_rows_that_are_too_large_are_bad(tmp_path: Path) -> None:
    text = pa.Array.from_buffers(pa.string(), 4, pa.array([b"ok", b"\xff", b"x" * 2000, b"end"]).buffers())
    done = read(write(tmp_path, {"n": [1, 2, 3, 4], "t": text}), Limits(max_row_bytes=1000))
    assert done.numbers == [1, 4]
    assert [(row.number, row.reason) for row in done.bad] == [(2, Reason.INVALID_UTF8), (3, Reason.TOO_LARGE)]


def test_names_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    refused = read(write(tmp_path, {"a.b": [1], "a": [{"b": 2}]})).refused
    assert refused is not None
    assert "'a.b'" in refused.detail


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 4, b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_only_looks_like_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(content)
    refused = read(path).refused
    assert refused is not None
    assert refused.reason == Reason.UNEXPECTED_SHAPE
