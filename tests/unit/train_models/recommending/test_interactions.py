"""Which of the frozen rows are learned, and what they are worth."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from headrace.errors import ConfigurationError
from train_models.data.freeze import freeze_source
from train_models.data.places import Places
from train_models.data.snapshots import About
from train_models.recommending.interactions import Interactions, interactions_of
from train_models.recommending.left_out import WHY, without
from train_models.recommending.recommender_file import RecommenderFile

COLUMNS = ("site", "subject", "kind", "time", "item", "value", "consent", "flags")
Row = dict[str, Any]


def row(subject: str, item: str, time: int, kind: str = "view", **fields: Any) -> Row:
    return {"site": "default", "subject": subject, "kind": kind, "time": 1_700_000_000 + time, "item": item, **fields}


def model(**data: Any) -> RecommenderFile:
    content = {"name": "shop", "task": "recommendation", "candidates": [{"algorithm": "ease"}]}
    return RecommenderFile.model_validate({**content, "data": {"files": "rows.csv", **data}})


def learned(folder: Path, rows: list[Row], columns: tuple[str, ...] = COLUMNS, **data: Any) -> Interactions:
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    places, file_ = Places(data=folder / "data", files=folder), model(**data)
    snapshot = freeze_source(file_.data, "", places)
    return interactions_of(snapshot, file_, folder / "scratch", 64)


def told(found: Interactions) -> list[tuple[int, str, float]]:
    return [
        (int(person), found.items[item], float(weight))
        for person, item, weight in zip(found.subjects, found.item, found.weights, strict=True)
    ]


def test_what_is_worth_something_rises_by_time_with_its_weight(tmp_path: Path) -> None:
    rows = [
        row("bob", "pot", 9, "purchase"),
        row("ann", "cup", 1),
        row("ann", "pot", 2, "impression"),
        row("ann", "jar", 3, "rating", value="9"),
        row("ann", "lid", 4, "rating", value="4"),
        row("ann", "", 5),
    ]
    found = learned(tmp_path, rows)
    assert told(found) == [(0, "cup", 1.0), (0, "jar", 4.0), (1, "pot", 5.0)]
    assert found.times.tolist() == [1_700_000_001_000_000, 1_700_000_003_000_000, 1_700_000_009_000_000]
    assert found.people == 2


def test_consent_machines_and_other_sites(tmp_path: Path) -> None:
    rows = [
        row("no", "cup", 1),
        row("no", "", 2, "consent", consent="false"),
        row("no", "pot", 3),
        row("again", "cup", 1),
        row("again", "", 2, "consent", consent="false"),
        row("again", "jar", 3),
        row("again", "", 4, "consent", consent="true"),
        row("again", "pot", 5),
        row("yes", "", 0, "consent", consent="true"),
        row("yes", "cup", 7),
        row("machine", "cup", 8, flags="bot"),
        row("machine", "lid", 8, flags="late,bot"),
        {**row("else", "cup", 9), "site": "elsewhere"},
    ]
    assert [item for _, item, _ in told(learned(tmp_path, rows))] == ["pot", "cup"]


def test_files_of_another_form(tmp_path: Path) -> None:
    rows = [{"user": "1", "film": "x", "at": "2024-01-01T00:00:00Z"}, {"user": "1", "film": "y", "at": "2024-01-02"}]
    names = {"user": "subject", "film": "item", "at": "time"}
    assert told(learned(tmp_path, rows, ("user", "film", "at"), rename=names)) == [(0, "x", 1.0), (0, "y", 1.0)]


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    rows = [row(f"p{number % 3}", f"i{number % 4}", number // 2) for number in range(24)]
    (tmp_path / "other").mkdir()
    first, second = learned(tmp_path, rows), learned(tmp_path / "other", rows[::-1])
    assert first.items == second.items and told(first) == told(second)


def test_a_column_that_is_missing_and_a_kind_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"need item, time, and the data have subject, thing"):
        learned(tmp_path, [{"subject": "a", "thing": "b"}], ("subject", "thing"))
    with pytest.raises(ConfigurationError, match="'stare' is no kind"):
        learned(tmp_path, [row("ann", "cup", 1, "stare")])


def test_nothing_that_may_be_learned(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="of 1 rows none"):
        learned(tmp_path, [row("ann", "cup", 1, "impression")])


def test_persons_that_are_left_out_are_counted() -> None:
    batch = pa.RecordBatch.from_pydict({"subject": ["a", "b", "a", "c"], "item": ["x", "y", "z", "x"]})
    about = About()
    kept = without(batch, pa.array(["a", "gone"], pa.string()), about)
    assert kept.column("item").to_pylist() == ["y", "x"]
    assert about.left_out == {WHY: 2}
