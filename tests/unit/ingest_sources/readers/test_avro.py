"""Reads Avro: arrow-testing's files, each type, and damaged or hostile files."""

import datetime as dt
import decimal
import io
import json
import random
import uuid
import zlib
from pathlib import Path
from typing import Any

import fastavro
import pytest

from headrace.errors import Reason
from ingest_sources.readers.models import Limits
from tests.unit.ingest_sources.readers.reading import corpus, read

# Files of arrow-testing that can't be read, with why. None so far.
REFUSED: dict[str, str] = {}
PLAIN = (bool, int, float, str, type(None))


def test_each_file_of_arrow_testing_is_read_or_refused(shared_data: Path) -> None:
    paths = corpus(shared_data, "arrow-testing/data/avro/*.avro")
    assert len(paths) == 31
    for path in paths:
        done = read(path)
        assert (done.refused is not None) == (path.name in REFUSED), path.name
        assert not done.bad
        # fastavro itself needs another library for zstandard than we have.
        if path.name not in REFUSED and "zstandard" not in path.name:
            expected = library(path.read_bytes())
            assert done.numbers == list(range(1, len(expected) + 1)), path.name
            for ours, theirs in zip(done.rows, expected, strict=True):
                compare(ours, theirs, path.name)


def library(content: bytes) -> list[Any]:
    return list(fastavro.reader(io.BytesIO(content)))


def compare(ours: dict[str, Any], theirs: dict[str, Any], name: str) -> None:
    """The plain values are the same; those of other types are compared by hand below."""
    for field, value in theirs.items():
        # fastavro gives nanoseconds as they are.
        if field.endswith("ts_nanos"):
            continue
        if field in ours and isinstance(value, PLAIN):
            assert ours[field] == value, (name, field)
        elif field in ours and isinstance(value, bytes) and value.isascii() and name != "duration_uuid.avro":
            assert ours[field] == value.decode(), (name, field)
        elif field in ours and isinstance(value, list):
            assert json.loads(ours[field]) == value, (name, field)


def test_values_by_hand(shared_data: Path) -> None:
    folder = shared_data / "files/arrow-testing/data/avro"
    rows = read(folder / "alltypes_plain.avro").rows
    for codec in ("bzip2", "snappy", "xz", "zstandard"):
        assert read(folder / f"alltypes_plain.{codec}.avro").rows == rows
    first = library((folder / "alltypes_plain.avro").read_bytes())[0]
    assert rows[0]["timestamp_col"] == int(first["timestamp_col"].timestamp() * 1_000_000) == 1235865600000000
    assert rows[0]["date_string_col"] == first["date_string_col"].decode() == "03/01/09"
    decimals = library((folder / "int32_decimal.avro").read_bytes())
    assert [row["value"] for row in read(folder / "int32_decimal.avro").rows] == [str(row["value"]) for row in decimals]
    nested = read(folder / "nested_records.avro").rows[0]
    assert (nested["f1.f1_3.f1_3_1"], nested["f3.f3_1"], nested["f4"]) == (3.14, "xyz", '[{"f4_1":200},null]')
    assert read(folder / "duration_uuid.avro").rows[0] == {
        "duration_field": "P1M15DT0.500S",
        "uuid_field": "fe7bc30b-4ce8-4c5e-b67c-2234a2d38e66",
    }


def write(path: Path, fields: dict[str, Any], records: list[dict[str, Any]], **options: Any) -> Path:
    schema = {"type": "record", "name": "r", "fields": [{"name": name, "type": kind} for name, kind in fields.items()]}
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), records, **options)
    return path


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def test_types(tmp_path: Path) -> None:
    time = dt.datetime(2024, 1, 2, 3, 4, 5, 600_000, dt.UTC)
    some_id = uuid.UUID(int=7)
    inner = {"type": "record", "name": "inner", "fields": [{"name": "x", "type": "int"}]}
    tree = {
        "type": "record",
        "name": "tree",
        "fields": [{"name": "value", "type": "int"}, {"name": "next", "type": ["null", "tree"]}],
    }
    cells: list[tuple[str, Any, Any, dict[str, Any]]] = [
        ("millis", logical("long", "timestamp-millis"), time, {"millis": int(time.timestamp() * 1e6)}),
        ("micros", logical("long", "timestamp-micros"), time, {"micros": int(time.timestamp() * 1e6)}),
        ("nanos", logical("long", "timestamp-nanos"), 1_500, {"nanos": 1}),
        ("far", logical("long", "timestamp-millis"), 10**15, {"far": 10**18}),
        ("local", logical("long", "local-timestamp-micros"), 1, {"local": "1970-01-01T00:00:00.000001"}),
        ("out", logical("long", "local-timestamp-micros"), 2**62, {"out": str(2**62)}),
        ("date", logical("int", "date"), dt.date(2024, 1, 2), {"date": "2024-01-02"}),
        ("never", logical("int", "date"), 2**31 - 1, {"never": str(2**31 - 1)}),
        ("time", logical("int", "time-millis"), 3_723_004, {"time": "01:02:03.004000"}),
        (
            "decimal",
            logical("bytes", "decimal", precision=5, scale=2),
            decimal.Decimal("-1.20"),
            {"decimal": "-1.20"},
        ),
        ("id", logical("string", "uuid"), some_id, {"id": str(some_id)}),
        ("text", "bytes", "ä".encode(), {"text": "ä"}),
        ("bytes", "bytes", b"\xff\xfe", {"bytes": "//4="}),
        ("record", inner, {"x": 1}, {"record.x": 1}),
        ("maybe", ["null", "inner"], None, {"maybe.x": None}),
        ("map", {"type": "map", "values": "bytes"}, {"k": b"\xff"}, {"map": '{"k":"/w=="}'}),
        ("union", ["null", "int", "string"], 5, {"union": "5"}),
        ("union2", ["int", "inner"], {"x": 2}, {"union2": '{"x":2}'}),
        (
            "tree",
            tree,
            {"value": 1, "next": {"value": 2, "next": None}},
            {"tree.value": 1, "tree.next": '{"value":2,"next":null}'},
        ),
        ("null", "null", None, {"null": None}),
        ("float", "float", 1.5, {"float": 1.5}),
    ]
    fields = {name: kind for name, kind, _, _ in cells}
    path = write(tmp_path / "f.avro", fields, [{name: value for name, _, value, _ in cells}])
    done = read(path)
    assert done.refused is None
    assert done.rows == [{name: value for _, _, _, row in cells for name, value in row.items()}]


def test_found_by_its_content_and_in_a_packed_file(tmp_path: Path) -> None:
    content = write(tmp_path / "f.avro", {"a": "int"}, [{"a": 1}]).read_bytes()
    (tmp_path / "unnamed").write_bytes(content)
    (tmp_path / "f.avro.gz").write_bytes(zlib.compress(content, wbits=31))
    for name in ("unnamed", "f.avro.gz"):
        assert read(tmp_path / name).rows == [{"a": 1}]


def test_a_text_that_is_no_utf8_costs_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "f.avro", {"a": "string"}, [{"a": "one"}, {"a": "AB"}, {"a": "end"}])
    path.write_bytes(path.read_bytes().replace(b"AB", b"\xff\xfe"))
    done = read(path)
    assert done.numbers == [1, 3]
    assert [(row.number, row.reason) for row in done.bad] == [(2, Reason.INVALID_UTF8)]


def container(codec: bytes, blocks: list[tuple[int, bytes]], kind: object = "long") -> bytes:
    def number(value: int) -> bytes:
        value = (value << 1) ^ (value >> 63)
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*out, value])

    def text(value: bytes) -> bytes:
        return number(len(value)) + value

    schema = json.dumps({"type": "record", "name": "r", "fields": [{"name": "a", "type": kind}]}).encode()
    head = b"Obj\x01" + number(2) + text(b"avro.schema") + text(schema) + text(b"avro.codec") + text(codec)
    sync = b"s" * 16
    return head + number(0) + sync + b"".join(number(count) + text(data) + sync for count, data in blocks)


def deflated(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        (container(b"lz4", []), Reason.UNSUPPORTED_FORMAT, "'lz4'"),
        (container(b"null", [(1 << 60, b"")], "null"), Reason.UNEXPECTED_SHAPE, "announces"),
        (container(b"deflate", [(1, deflated(bytes(100_000_000)))]), Reason.TOO_LARGE, "max_ratio"),
        (container(b"deflate", [(1, b"none")]), Reason.UNEXPECTED_SHAPE, "deflate"),
        (container(b"null", [(1, b"\2"), (1, b"\2\2")]), Reason.UNEXPECTED_SHAPE, "after them"),
        (container(b"null", [(1, b"\2")])[:-20], Reason.UNEXPECTED_SHAPE, "cut off"),
        (container(b"null", [(1, b"\2")]) + b"\2\x80", Reason.UNEXPECTED_SHAPE, "cut off"),
        (container(b"null", [(1, b"\2")]) + b"\2" + b"\xfe" * 8 + b"\1", Reason.TOO_LARGE, "memory_mb"),
        (container(b"null", [], "unknown"), Reason.UNEXPECTED_SHAPE, "schema"),
        (container(b"null", [(1, b"\2" * 500_000)], ["null", "r"]), Reason.UNEXPECTED_SHAPE, ""),
        (b"Obj\x01", Reason.UNEXPECTED_SHAPE, "header"),
        (b"", Reason.UNEXPECTED_SHAPE, "no Avro"),
    ],
    ids=range(12),
)
def test_hostile_and_damaged_files(tmp_path: Path, content: bytes, reason: Reason, said: str) -> None:
    path = tmp_path / "f.avro"
    path.write_bytes(content)
    refused = read(path, Limits(memory_mb=256, seconds=20)).refused
    assert refused is not None
    assert (refused.reason, said in refused.detail) == (reason, True), refused.detail


def test_what_came_before_the_damage_is_given(tmp_path: Path) -> None:
    path = tmp_path / "f.avro"
    path.write_bytes(container(b"null", [(2, b"\2\4"), (1, b"")]))
    done = read(path)
    assert done.refused is not None
    assert done.rows == [{"a": 1}, {"a": 2}]


def test_flipped_bytes_never_bring_out_a_mistake_of_ours(tmp_path: Path) -> None:
    records = [{"a": n, "b": ["x", None], "c": f"text {n}"} for n in range(50)]
    fields = {"a": "long", "b": {"type": "array", "items": ["null", "string"]}, "c": "string"}
    content = write(tmp_path / "f.avro", fields, records).read_bytes()
    chance = random.Random(3)
    path = tmp_path / "g.avro"
    for _ in range(60):
        flipped = bytearray(content)
        flipped[chance.randrange(4, len(flipped))] = chance.randrange(256)
        path.write_bytes(flipped)
        done = read(path, Limits(memory_mb=256, seconds=20))
        assert done.refused is None or "the reader failed" not in done.refused.detail, done.refused
