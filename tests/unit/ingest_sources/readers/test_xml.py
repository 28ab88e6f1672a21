"""Reads XML: each element of one tag as a row, and no bomb."""

import gzip
import random
from pathlib import Path

import pytest

from headrace.errors import Reason
from ingest_sources.readers.models import Limits, ReadOptions, XmlOptions
from tests.unit.ingest_sources.readers.reading import Read, corpus, read, read_by

# Of xml-defused, those with a document type or entities: all but these.
HARMLESS = ("simple.xml", "simple-ns.xml")


def write(folder: Path, content: bytes, name: str = "f.xml") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read_tag(path: Path, tag: str, limits: Limits | None = None) -> Read:
    return read_by(path, ReadOptions(xml=XmlOptions(row=tag)), limits)


def test_xml_defused(shared_data: Path) -> None:
    paths = corpus(shared_data, "xml-defused/xmltestdata/*.xml")
    assert len(paths) == 10
    for path in paths:
        for done in (read(path), read_tag(path, "element")):
            if path.name in HARMLESS:
                assert done.rows == [{"@key": "value", "#text": "text"}, {"@key": None, "#text": "text"}], path.name
            else:
                assert done.refused is not None, path.name
                assert "never read" in done.refused.detail, path.name


def test_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        b"""<?xml version="1.0" encoding="iso-8859-1"?><!-- a list -->
        <list xmlns="urn:a" xmlns:p="urn:b"><title>left out</title>
        <p:item id="1" p:kind="x"><name> M\xfcller </name><place><lat unit="deg">1.5</lat><none/></place>
            <tag>a</tag><tag k="v">b</tag><tag><deep>c</deep></tag></p:item>
        <item>own <b>text</b> and tail</item><item><item>inside</item></item><item/>
        </list>""",
    )
    done = read(path)
    assert done.refused is None
    rows = [{name: cell for name, cell in row.items() if cell is not None} for row in done.rows]
    assert rows == [
        {
            "@id": "1",
            "@kind": "x",
            "name": "Müller",
            "place.lat": "1.5",
            "place.lat.@unit": "deg",
            "tag": '["a",{"@k":"v","#text":"b"},{"deep":"c"}]',
        },
        {"#text": "own and tail", "b": "text"},
        {"item": "inside"},
        {},
    ]
    assert done.numbers == [1, 2, 3, 4]


def test_rows_by_their_tag_at_any_depth(tmp_path: Path) -> None:
    path = write(tmp_path, b"<a><b><row n='1'/></b><c><d><row n='2'/></d></c><row n='3'/></a>")
    assert [row["@n"] for row in read_tag(path, "row").rows] == ["1", "2", "3"]
    assert read_tag(path, "none").rows == []


@pytest.mark.parametrize("content", [b"<a><b/></a>", b"<a><b/><c/></a>", b"<a><b/><b/><c/><c/></a>"])
def test_rows_that_can_not_be_told_are_asked_for(tmp_path: Path, content: bytes) -> None:
    refused = read(write(tmp_path, content)).refused
    assert refused is not None
    assert "read.xml.row" in refused.detail


def test_a_root_alone_has_no_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"<a/>")).rows == []


def test_two_values_of_one_column_and_deep_rows_are_bad(tmp_path: Path) -> None:
    deep = b"<x>" * 40 + b"</x>" * 40
    path = write(tmp_path, b'<a xmlns:p="p"><r i="1"/><r i="1" p:i="2"/><r>' + deep + b"</r><r>end</r></a>")
    done = read(path)
    assert done.numbers == [1, 4]
    assert [(row.number, row.reason) for row in done.bad] == [(2, Reason.UNEXPECTED_SHAPE), (3, Reason.TOO_DEEP)]


def test_found_by_its_content_and_in_other_encodings(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="{}"?><a><r>ä</r><r>ö</r></a>'
    for name, content in (
        ("unnamed", text.format("utf-8").encode()),
        ("f.dat", b"\xef\xbb\xbf  " + text.format("utf-8").encode()[38:]),
        ("wide", text.format("utf-16").encode("utf-16")),
        ("f.xml.gz", gzip.compress(text.format("utf-8").encode())),
    ):
        done = read(write(tmp_path, content, name))
        assert [row["#text"] for row in done.rows] == ["ä", "ö"], name
        assert done.facts.format == "xml"


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        (b"", Reason.UNEXPECTED_SHAPE, "well-formed"),
        (b"<a><r/><r/>", Reason.UNEXPECTED_SHAPE, "well-formed"),
        (b"<a><r/><r/></b>", Reason.UNEXPECTED_SHAPE, "well-formed"),
        (b"<a><r/><r/></a><a/>", Reason.UNEXPECTED_SHAPE, "well-formed"),
        (b"<a><r>&unknown;</r><r/></a>", Reason.UNEXPECTED_SHAPE, "well-formed"),
        (b"<?xml version='1.0' encoding='klingon'?><a><r/><r/></a>", Reason.UNEXPECTED_SHAPE, "well-formed"),
        (b"<a><r/><r/>" + b"<x>" * 300_000, Reason.TOO_DEEP, "nest"),
        (b"<a><r/><r/><r>" + b"<x/>" * 2_000_000, Reason.TOO_LARGE, "max_row_bytes"),
        (b"<a><r/><r/><r " + b"x" * 100_000_000, Reason.TOO_LARGE, "max_row_bytes"),
    ],
    ids=range(9),
)
def test_damaged_and_hostile_files(tmp_path: Path, content: bytes, reason: Reason, said: str) -> None:
    refused = read(write(tmp_path, content), Limits(memory_mb=256, seconds=20)).refused
    assert refused is not None
    assert (refused.reason, said in refused.detail) == (reason, True), refused.detail


def test_rows_before_the_damage_are_given(tmp_path: Path) -> None:
    done = read(write(tmp_path, b"<a><r>1</r><r>2</r><r>"))
    assert done.refused is not None
    assert [row["#text"] for row in done.rows] == ["1", "2"]


def test_a_row_over_the_limit_is_bad(tmp_path: Path) -> None:
    done = read(write(tmp_path, b"<a><r>1</r><r>" + b"x" * 2000 + b"</r><r>3</r></a>"), Limits(max_row_bytes=1000))
    assert done.numbers == [1, 3]
    assert [(row.number, row.reason) for row in done.bad] == [(2, Reason.TOO_LARGE)]


def test_memory_is_flat(tmp_path: Path) -> None:
    row = b"<r id='1'><a>%s</a><b><c>2</c></b><skipped/></r>\n" % (b"x" * 1000)
    peaks = []
    for megabytes in (10, 50):
        count = megabytes * 1_000_000 // len(row)
        done = read(write(tmp_path, b"<rows>" + row * count + b"</rows>"), Limits(chunk_rows=2000))
        assert sum(part.table.height for part in done.parts) == count
        peaks.append(done.peak_mb)
    assert peaks[1] < peaks[0] + 10, peaks
    assert peaks[1] < 150, peaks


def test_flipped_bytes_never_bring_out_a_mistake_of_ours(tmp_path: Path) -> None:
    content = b"<?xml version='1.0'?><a>" + b"<r k='v'><x>1</x><y><z/></y></r>" * 20 + b"</a>"
    chance = random.Random(5)
    for _ in range(60):
        flipped = bytearray(content)
        flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        done = read(write(tmp_path, bytes(flipped)), Limits(memory_mb=256, seconds=20))
        assert done.refused is None or "the reader failed" not in done.refused.detail, done.refused
