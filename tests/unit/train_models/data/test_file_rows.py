"""Rows of files, and SQL's, whose types only the rows tell."""

import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from headrace.errors import ConfigurationError, TransientError
from tests.unit.train_models.data.making import rows_of
from train_models.data.data_spec import Data
from train_models.data.freeze import freeze
from train_models.data.places import Places
from train_models.data.snapshots import Snapshot


def read(folder: Path, files: str = "", **data: Any) -> Snapshot:
    environment = data.pop("environment", {})
    source = {"files": files} if files else {}
    places = Places(data=folder / "data", files=folder, environment=environment)
    return freeze(Data.model_validate({**source, "label": "y", **data}), places)


def test_cells_of_csv_stay_texts_and_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("y,code\n1,\n")
    (tmp_path / "a.csv").write_text('\ufeffcode,y\n007,"a\n b"\n -,x\n')

    found = rows_of(read(tmp_path, "*.csv", missing_values=["", " -"]))

    assert found == [{"code": "007", "y": "a\n b"}, {"code": None, "y": "x"}, {"code": None, "y": "1"}]


def test_a_packed_csv_with_semicolons(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"k;y\n1;2\n"))

    assert rows_of(read(tmp_path, "a.csv.gz", delimiter=";")) == [{"k": "1", "y": "2"}]


def test_columns_are_chosen_by_the_sources_names_and_renamed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Call  Failure,y,z\n8,0,1\n")

    found = rows_of(read(tmp_path, "a.csv", columns=["y", "Call  Failure"], rename={"Call  Failure": "failures"}))

    assert found == [{"y": "0", "failures": "8"}]
    with pytest.raises(ConfigurationError, match=r"no column 'w'; there are Call  Failure, y, z"):
        read(tmp_path, "a.csv", columns=["w"])
    with pytest.raises(ConfigurationError, match="two columns are called 'z'"):
        read(tmp_path, "a.csv", rename={"y": "z"})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": "k,y\n1,2,3\n"}, r"a\.csv can't be read as CSV.*Expected 2 columns, got 3"),
        ({"a.csv": "k,k\n1,2\n"}, "must name each column once"),
        ({"a.csv": "k,y\n1,2\n", "b.csv": "k,z\n1,2\n"}, r"b\.csv has other columns.*\['y', 'z'\]"),
        ({"a.csv": "k,y\n", "b.jsonl": "{}"}, "can't be mixed"),
        ({"a.txt": "k"}, r"a\.txt is none of \.csv"),
        ({}, "nothing matches"),
        ({"a.parquet": "no"}, r"a\.parquet can't be read as Parquet"),
        ({"a.jsonl": '{"y": 1}\n{"y": [1]}\n'}, r"a\.jsonl, line 2: not an object of plain values"),
        ({"a.jsonl": '{"y": 1}\n{"y": "b"}\n'}, "column 'y' can't be one type"),
        ({"a.jsonl": '{"y": 1}\n', "b.jsonl": '{"y": true}\n'}, "column 'y' holds int64 in some rows and bool"),
    ],
)
def test_what_can_not_be_read_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)

    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, "*.*")
    assert not list((tmp_path / "data").glob("*/*"))


def test_json_lines_have_all_columns_of_all_files_in_the_widest_type(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"y": 1, "k": null}\n\n{"y": 2}\n')
    (tmp_path / "b.jsonl").write_text('{"y": 2.5, "k": "x", "b": true}\n')

    assert rows_of(read(tmp_path, "*.jsonl")) == [
        {"y": 1.0, "k": None, "b": None},
        {"y": 2.0, "k": None, "b": None},
        {"y": 2.5, "k": "x", "b": True},
    ]


def test_parquet_keeps_its_types_and_an_absolute_path_is_one(tmp_path: Path) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5)
    pq.write_table(pa.table({"y": [1], "at": [at]}), tmp_path / "a.parquet")

    assert rows_of(read(tmp_path, str(tmp_path / "a.parquet"))) == [{"y": 1, "at": at.replace(tzinfo=UTC)}]


def test_sql_gives_its_values_and_types(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop, shop:
        shop.execute("CREATE TABLE orders (id INTEGER, price REAL, note TEXT)")
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(1, None, None), (2, 2.5, "12:30"), (3, 4, None)])
    sql = {
        "url_variable": "SHOP",
        "query": "SELECT id, price, note AS y FROM orders WHERE note IS NULL OR note = '12:30'",
    }

    found = rows_of(read(tmp_path, sql=sql, environment={"SHOP": f"sqlite:///{path}"}))

    assert found == [
        {"id": 1, "price": None, "y": None},
        {"id": 2, "price": 2.5, "y": "12:30"},
        {"id": 3, "price": 4.0, "y": None},
    ]


def test_sql_errors_say_what_to_mend_and_show_no_password(tmp_path: Path) -> None:
    sql = {"url_variable": "SHOP", "query": "SELECT y FROM nowhere"}
    for environment, message in (
        ({}, "the variable SHOP is not set"),
        ({"SHOP": "hunter2"}, "SHOP holds no URL"),
        ({"SHOP": "nodb://u:hunter2@h/d"}, "SHOP holds no URL"),
        ({"SHOP": "sqlite://"}, "no such table: nowhere"),
    ):
        with pytest.raises(ConfigurationError, match=message) as caught:
            read(tmp_path, sql=sql, environment=environment)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "WITH x AS (SELECT 1) DELETE FROM t RETURNING a",
        "WITH x AS (SELECT 7 AS a) INSERT INTO t SELECT a FROM x RETURNING a",
        "WITH x AS (SELECT 1) UPDATE t SET a = 9 RETURNING a",
    ],
)
def test_a_query_that_writes_is_refused_by_sqlite(tmp_path: Path, query: str) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop, shop:
        shop.execute("CREATE TABLE t (a)")
        shop.execute("INSERT INTO t VALUES (1), (2)")
    sql = {"url_variable": "SHOP", "query": query}

    with pytest.raises(ConfigurationError, match="attempt to write a readonly database"):
        read(tmp_path, sql=sql, environment={"SHOP": f"sqlite:///{path}"})

    with closing(sqlite3.connect(path)) as shop:
        assert shop.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,)]


def test_a_database_that_another_one_locks_is_asked_again_later(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as shop:
        shop.execute("CREATE TABLE t (a)")
        shop.execute("BEGIN EXCLUSIVE")
        sql = {"url_variable": "SHOP", "query": "SELECT a FROM t"}

        with pytest.raises(TransientError, match="database is locked"):
            read(tmp_path, sql=sql, environment={"SHOP": f"sqlite:///{path}?timeout=0.01"})
