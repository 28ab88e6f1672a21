"""A table of a database as reference data: names come from its catalogue, types as those of a source's are."""

import socket
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ConfigurationError, TransientError
from headrace.testing import FakeClock, wait_until
from ingest_sources.references.references import SourceReferences
from ingest_sources.references.table_reference import ReferenceTableOfDatabase
from ingest_sources.rules.lookup_model import TableReference
from ingest_sources.rules.steps import ReferenceWrong


class Shop:
    """A database with a table `regions`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "shop.db"
        self.clock = FakeClock()
        self.references = SourceReferences("", folder, self._secret, self.clock)
        self.options: dict[str, Any] = {"url": f"sqlite:///{self.path}", "table": "regions", "refresh_seconds": 10}
        self.execute('CREATE TABLE regions (id INTEGER, "a ""name""" TEXT, size REAL)')
        self.execute("INSERT INTO regions VALUES (1, 'North', 1.5), (2, 'South', NULL)")

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(statement)
            connection.commit()

    def table(self, *columns: str, max_rows: int = 10) -> Any:
        reference = TableReference.model_validate({"database": self.options, "max_rows": max_rows})
        return self.references.table(reference, columns)

    @staticmethod
    def _secret(name: str) -> str:
        raise ConfigurationError(f"secret {name} is missing")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_it_has_the_columns_that_are_wanted_with_their_types(shop: Shop) -> None:
    assert list(shop.table('a "name"', "id", "size").iter_rows()) == [("North", 1, 1.5), ("South", 2, None)]


def test_it_is_read_again_after_its_time_and_the_same_while_nothing_changed(shop: Shop) -> None:
    before = shop.table("id")
    shop.execute("INSERT INTO regions VALUES (3, 'West', 1)")
    shop.clock.advance(9.0)
    assert shop.table("id") is before
    shop.clock.advance(2.0)
    after = shop.table("id")
    assert after["id"].to_list() == [1, 2, 3]
    shop.clock.advance(11.0)
    assert shop.table("id") is after


def test_an_empty_table_has_no_rows(shop: Shop) -> None:
    shop.execute("DELETE FROM regions")
    assert shop.table("id").shape == (0, 1)


def test_a_view_is_one_too(shop: Shop) -> None:
    shop.execute("CREATE VIEW large AS SELECT id FROM regions WHERE size > 1")
    shop.options["table"] = "large"
    assert shop.table("id")["id"].to_list() == [1]


@pytest.mark.parametrize(
    ("changes", "columns", "said"),
    [
        ({"table": "region"}, ["id"], "there is no table region; there is regions"),
        ({"table": "regions; DROP TABLE regions"}, ["id"], "there is no table regions; DROP"),
        ({}, ["id", "tz"], r"table regions has no column 'tz'; it has 'id'"),
        ({"url": "nosuch://db/shop"}, ["id"], "no driver is installed for nosuch"),
        ({"url": "postgresql://db:x/shop"}, ["id"], "table regions: its url is no URL"),
        ({"password_secret": "pw"}, ["id"], "secret pw is missing"),
    ],
)
def test_what_is_wrong_is_told_with_the_names_that_are_there(
    shop: Shop, changes: dict[str, str], columns: list[str], said: str
) -> None:
    shop.options.update(changes)
    with pytest.raises(ReferenceWrong, match=said):
        shop.table(*columns)


def test_one_that_is_too_large_is_told(shop: Shop) -> None:
    with pytest.raises(ReferenceWrong, match="more rows than max_rows, 1"):
        shop.table("id", max_rows=1)


def test_a_value_that_its_column_does_not_have_is_told(shop: Shop) -> None:
    shop.execute("INSERT INTO regions VALUES ('x', 'West', 1)")
    with pytest.raises(ReferenceWrong, match="'id' is of kind integer"):
        shop.table("id")


def test_a_database_that_is_away_holds_the_source_back(shop: Shop, tmp_path: Path) -> None:
    shop.table("id")
    shop.path.rename(tmp_path / "elsewhere")
    shop.path.mkdir()
    shop.clock.advance(11.0)
    with pytest.raises(TransientError, match="table regions can't be read: "):
        shop.table("id")


class Mute(threading.Thread):
    """A server that lets a client of PostgreSQL in, and answers nothing after so many of its messages."""

    def __init__(self, answers: int) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = answers
        self.url = (
            f"postgresql://reader@127.0.0.1:{self._listener.getsockname()[1]}/shop?sslmode=disable&gssencmode=disable"
        )

    def run(self) -> None:
        with self._listener, self._listener.accept()[0] as client, suppress(TimeoutError):
            client.settimeout(20)
            client.recv(10_000)
            states = {"client_encoding": "UTF8", "server_version": "15.0", "standard_conforming_strings": "on"}
            told = [f"{name}\0{value}\0".encode() for name, value in {**states, "DateStyle": "ISO, MDY"}.items()]
            client.sendall(message(b"R", bytes(4)) + b"".join(message(b"S", body) for body in told) + READY)
            for _ in range(self._answers):
                client.recv(10_000)
                client.sendall(message(b"C", b"BEGIN\0") + READY)
            while client.recv(10_000):
                pass


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


READY = message(b"Z", b"I")


def test_a_server_that_does_not_answer_ends_the_wait() -> None:
    """It hangs when it is asked for its version, which is before there is a connection."""
    mute = Mute(answers=1)
    mute.start()
    reference = TableReference.model_validate({"database": {"url": mute.url, "table": "regions"}})
    table = ReferenceTableOfDatabase(reference, None, ("id",), FakeClock(), statement_s=0.2, grace_s=0.1)
    threads = threading.active_count()
    with pytest.raises(TransientError, match="the database of table regions did not answer"):
        table.table()
    # The connection was ended: its thread does not wait for ever, and neither does the end of the process.
    mute.join(10)
    assert not mute.is_alive()
    wait_until(lambda: threading.active_count() < threads, "the thread that waited")
