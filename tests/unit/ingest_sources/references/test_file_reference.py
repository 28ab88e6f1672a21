"""A file of reference data: read as it is now, and again when it has changed."""

import os
from pathlib import Path
from typing import Any

import pytest

from headrace.clock import SystemClock
from ingest_sources.references.references import SourceReferences
from ingest_sources.rules.lookup_model import FileReference
from ingest_sources.rules.steps import ReferenceWrong

CSV = "id,name,extra\nn,North,1\ns,South,2\n"


class File:
    """A file beside the source's own."""

    def __init__(self, folder: Path, name: str = "regions.csv") -> None:
        self.path = folder / name
        self.references = SourceReferences("", folder, str, SystemClock())
        self.options: dict[str, Any] = {"file": name}

    def write(self, text: str) -> None:
        new = self.path.with_name("new")
        new.write_text(text)
        new.rename(self.path)

    def table(self, *columns: str) -> Any:
        return self.references.table(FileReference.model_validate(self.options), columns)

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        return list(self.table(*columns).iter_rows())


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def test_it_has_the_columns_that_are_wanted(file: File) -> None:
    file.write(CSV)
    assert file.table("name", "id").columns == ["name", "id"]
    assert file.rows("id", "name") == [("n", "North"), ("s", "South")]


def test_it_is_the_same_table_until_the_file_has_changed(file: File) -> None:
    file.write(CSV)
    before = file.table("id", "name")
    assert file.table("id", "name") is before
    file.write(CSV + "w,West,3\n")
    assert file.table("id", "name").height == 3
    # Written in its place, and of the same size.
    file.path.write_text(CSV + "w,Wide,3\n")
    os.utime(file.path, ns=(1, 1))
    assert file.rows("id", "name")[-1] == ("w", "Wide")


def test_a_link_is_followed_as_mounted_configuration_is_one(file: File, tmp_path: Path) -> None:
    for number, name in enumerate(("North", "Nord")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "regions.csv").write_text(f"id,name\nn,{name}\n")
        link = tmp_path / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(folder / "regions.csv")
        link.rename(file.path)
        assert file.rows("id", "name") == [("n", name)]


def test_other_formats_have_types(tmp_path: Path) -> None:
    file = File(tmp_path, "regions.ndjson")
    file.write('{"id": 1}\n{"id": 2, "at": {"lon": 10.5}}\n')
    assert file.rows("id", "at.lon") == [(1, None), (2, 10.5)]


def test_options_say_how_it_is_read(file: File) -> None:
    file.options["read"] = {"csv": {"delimiter": ";", "columns": ["id", "name"]}}
    file.write("n;North\n")
    assert file.rows("id", "name") == [("n", "North")]


def test_a_file_without_rows_has_none(file: File) -> None:
    file.write("id,name\n")
    assert file.rows("id", "name") == []


def test_columns_that_are_missing_are_left_to_the_rule(file: File) -> None:
    file.write(CSV)
    assert file.table("id", "tz").columns == ["id", "name", "extra"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "regions.csv can't be read: No such file"),
        ("id,name\nn\n", "row 1 of .*regions.csv can't be read"),
        ("id\n" + "n\n" * 4, "regions.csv has more rows than max_rows, 3"),
    ],
)
def test_what_is_wrong_with_it_is_told_and_mended_by_a_good_file(file: File, text: str | None, said: str) -> None:
    file.options["max_rows"] = 3
    if text is not None:
        file.write(text)
    for _ in range(2):
        with pytest.raises(ReferenceWrong, match=said):
            file.table("id")
    file.write(CSV)
    assert file.rows("id") == [("n",), ("s",)]


def test_an_empty_file_has_no_columns(file: File) -> None:
    file.write("")
    assert file.table("id").columns == []


def test_a_folder_is_no_reference(file: File) -> None:
    file.path.mkdir()
    with pytest.raises(ReferenceWrong, match="a folder"):
        file.table("id")
