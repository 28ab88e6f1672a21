"""A table of a PostgreSQL that somebody changes, and what a feed must make of it."""

import random
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from headrace.testing import wait_until

Event = tuple[str, int | None]
"""What happened to a row, and the version that it has since."""


class ChangedTable:
    """One table `(id, version, body)`; each write has another version.

    Args:
        key_type: of the id; text ids sort otherwise in the database than their bytes do.

    Attributes:
        events: what happened to each row, in order, of transactions that were committed.
        ends: for each of these an LSN not before the end of its transaction.
    """

    def __init__(self, url: str, key_type: str = "int") -> None:
        self.url = url
        self.name = f"orders_{uuid4().hex[:8]}"
        self.slot = f"headrace_{self.name}"
        self.events: dict[int, list[Event]] = defaultdict(list)
        self.ends: dict[int, list[int]] = defaultdict(list)
        self._touched: set[int] = set()
        self._version = 0
        self._key_type = key_type
        self.conn = psycopg.connect(url, autocommit=True)
        # The database's own order is that of bytes; that of most is not.
        collation = ' COLLATE "und-x-icu"' if key_type == "text" else ""
        self.sql(f"CREATE TABLE {{table}} (id {key_type}{collation} PRIMARY KEY, version int, body text)")

    def connect(self) -> None:
        """Connects again, to a server that was away."""
        self.conn.close()
        self.conn = psycopg.connect(self.url, autocommit=True)

    def key(self, number: int) -> object:
        """The id of a row."""
        return number if self._key_type == "int" else f"{'aZé_'[number % 4]}{number}"

    def close(self) -> None:
        """Drops the table and the slot, which nobody reads any more."""
        self.connect()
        with closing(self.conn):
            wait_until(lambda: not self.is_read, "the slot's reader to end")
            self.sql(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", self.slot
            )
            self.sql("DROP TABLE IF EXISTS {table} CASCADE")

    def sql(self, text: str, *values: object) -> list[Any]:
        """Runs a statement about `{table}`."""
        found = self.conn.execute(SQL(text).format(table=Identifier(self.name)), values)
        return found.fetchall() if found.description else []

    def insert(self, first: int, count: int) -> None:
        """New rows, in one transaction."""
        with self.conn.transaction():
            self._insert(range(first, first + count))
        self._note_end()

    def update(self, ids: Sequence[int]) -> None:
        """Changes those of the rows that are there, in one transaction."""
        with self.conn.transaction():
            self._update([number for number in ids if self._is_there(number)])
        self._note_end()

    def change_at_random(self, chance: random.Random, ids: range) -> None:
        """One transaction of a few changes, that is given up now and then."""
        gives_up = chance.random() < 0.1
        numbers = chance.sample(ids, chance.randint(1, 4))
        before = {number: list(self.events[number]) for number in numbers}
        with self.conn.transaction(force_rollback=gives_up):
            for number in numbers:
                if not self._is_there(number):
                    self._insert([number])
                elif chance.random() < 0.3:
                    self.sql("DELETE FROM {table} WHERE id = %s", self.key(number))
                    self.events[number].append(("delete", None))
                    self._touched.add(number)
                else:
                    self._update([number])
        if gives_up:
            self.events.update(before)
        self._note_end()

    def safe_lsn(self) -> int:
        """What the slot needs no more."""
        ((lsn,),) = self.sql(
            "SELECT (confirmed_flush_lsn - '0/0'::pg_lsn)::bigint FROM pg_replication_slots WHERE slot_name = %s",
            self.slot,
        )
        return int(lsn)

    @property
    def is_read(self) -> bool:
        """Whether somebody reads the slot."""
        found = self.sql("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", self.slot)
        return bool(found) and found[0][0] is not None

    def lsn(self) -> int:
        """The end of the log."""
        ((lsn,),) = self.sql("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
        return int(lsn)

    def _is_there(self, number: int) -> bool:
        events = self.events[number]
        return bool(events) and events[-1][0] != "delete"

    def _note_end(self) -> None:
        end = self.lsn()
        for number in self._touched:
            self.ends[number] += [end] * (len(self.events[number]) - len(self.ends[number]))
        self._touched.clear()

    def _insert(self, ids: Sequence[int]) -> None:
        values = [(self.key(number), self._next("insert", number), f"row {number}") for number in ids]
        with self.conn.cursor() as cursor:
            statement = SQL("COPY {} FROM STDIN").format(Identifier(self.name))
            with cursor.copy(statement) as copy:
                for row in values:
                    copy.write_row(row)

    def _update(self, ids: Sequence[int]) -> None:
        for number in ids:
            self.sql("UPDATE {table} SET version = %s WHERE id = %s", self._next("update", number), self.key(number))

    def _next(self, op: str, number: int) -> int:
        self._version += 1
        self.events[number].append((op, self._version))
        self._touched.add(number)
        return self._version


class Writer(threading.Thread):
    """Changes a table at random until it is stopped."""

    def __init__(self, table: ChangedTable, chance: random.Random, ids: range) -> None:
        super().__init__()
        self._table = table
        self._chance = chance
        self._ids = ids
        self._stop_it = threading.Event()
        self.count = 0

    def run(self) -> None:
        while not self._stop_it.wait(0.002):
            self._table.change_at_random(self._chance, self._ids)
            self.count += 1

    def stop(self) -> None:
        self._stop_it.set()
        self.join()


def check_each_once(written: Mapping[int, Sequence[Event]], delivered: Mapping[int, Sequence[Event]]) -> None:
    """That each row came as the snapshot saw it, if it was there, and then all that happened afterwards, each once."""
    assert delivered.keys() <= written.keys()
    for number, events in written.items():
        found = list(delivered.get(number, ()))
        assert found in _right(list(events)), f"row {number}: {found}, where this was written: {events}"


def _right(events: list[Event]) -> list[list[Event]]:
    """All that may be delivered of a row, one for each moment at which a snapshot could be."""
    found = []
    for count in range(len(events) + 1):
        op, version = events[count - 1] if count else ("delete", None)
        before: list[Event] = [] if op == "delete" else [("snapshot", version)]
        found.append(before + events[count:])
    return found
