"""Erasure and consent of a person, in whatever moment something fails; and what they are shown."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from headrace.experiments.experiments import Experiments
from headrace.interactions.records import ERASED, RAW, Erasure, Interaction
from headrace.metrics import new_registry
from headrace.records import decode, encode
from headrace.subjects.async_subjects import AsyncSubjects
from headrace.subjects.personal import encrypt_personal
from headrace.subjects.subject import new_subject, user_name
from headrace.tables import months_before
from headrace.testing import FakeClock
from serve_api.cassandra_client import CassandraClient, Row
from serve_api.metrics import Metrics
from serve_api.problems import Problem
from serve_api.recommendations.users import Users
from serve_api.scan import Page
from serve_api.settings import Settings
from serve_api.users.answers import interaction_row
from serve_api.users.known import Known
from serve_api.users.subject_records import SubjectRecords
from serve_api.users.user_data import UserData
from tests.unit.headrace.subjects.edges import edge, keys_of
from tests.unit.headrace.subjects.memory_table import MemoryTable
from tests.unit.serve_api.written import Written

SITE = "main"


class Rows(CassandraClient):
    """A person's records of this month, each of so many bytes at least."""

    def __init__(self, subject: str, count: int, size: int) -> None:
        text = "x" * size
        made = [Interaction(f"e{at:04}", SITE, subject, "view", at, 2, context={"k": text}) for at in range(count)]
        self.rows = [(each.time, each.id, each.kind, "interaction.v1", encode(each).decode()) for each in made]
        self.month = months_before(FakeClock().now_us(), 1)[-1]

    async def page(self, statement: str, values: Sequence[Any], size: int, state: bytes | None = None) -> Page[Row]:
        _, _, month, *behind = values
        rows = [row for row in self.rows if month == self.month and row[:3] > tuple(behind)]
        begin = int(state or b"0")
        following = str(begin + size).encode() if begin + size < len(rows) else None
        return Page(rows[begin : begin + size], following)


def test_a_page_of_records_is_bounded_in_bytes_and_together_they_are_all() -> None:
    records = SubjectRecords(Rows("s", 250, 20_000), FakeClock())
    found = asyncio.run(records.page(SITE, "s", None, 1_000))
    ids = [each.id for each in found.items]
    assert 50 <= len(ids) <= 60
    while found.reached is not None:
        found = asyncio.run(records.page(SITE, "s", found.reached, 1_000))
        ids += [each.id for each in found.items]
    assert ids == [f"e{at:04}" for at in range(250)]
    assert len(asyncio.run(SubjectRecords(Rows("s", 250, 1), FakeClock()).page(SITE, "s", None, 120)).items) == 120


class Api:
    """One API process on a table and keys of a test."""

    def __init__(self, table: MemoryTable, folder: Path) -> None:
        self.subjects = AsyncSubjects(edge(table, keys_of(folder)))
        self.writer, clock = Written(), FakeClock()
        known = Known(Users(1_000_000), Experiments(), clock)
        # No connection is made before somebody asks for records.
        records = SubjectRecords(CassandraClient(Settings.load(), {}, Metrics(new_registry())), clock)
        self.data = UserData(self.subjects, records, known, self.writer, clock)


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def api(table: MemoryTable, tmp_path: Path) -> Api:
    return Api(table, tmp_path)


def test_an_erasure_is_recorded_under_the_subject_and_the_row_is_gone(api: Api, table: MemoryTable) -> None:
    name = user_name("anna")
    subject = asyncio.run(api.subjects.subject_of(SITE, name))
    done = asyncio.run(api.data.erase(SITE, name))
    (value,) = api.writer.values(ERASED)
    record = decode(value, [("schema", b"erasure.v1")])
    assert api.writer.keys == [subject.id.encode()]
    assert isinstance(record, Erasure)
    assert (record.site, record.subject) == (SITE, subject.id)
    assert done["erased"]
    assert done["key_destroyed"]
    assert not table.rows
    assert api.subjects.sync.known(SITE, name) is None


def test_nothing_is_destroyed_before_kafka_has_the_record(api: Api, table: MemoryTable) -> None:
    subject = asyncio.run(api.subjects.subject_of(SITE, "anna"))
    api.writer.is_away = True
    with pytest.raises(Problem) as refused:
        asyncio.run(api.data.erase(SITE, "anna"))
    assert refused.value.status == 503
    assert asyncio.run(api.subjects.find(SITE, "anna")) == subject
    api.writer.is_away = False
    assert asyncio.run(api.data.erase(SITE, "anna"))["key_destroyed"]
    assert not table.rows


def test_an_erasure_that_was_cut_short_is_finished_by_the_next_request(api: Api, table: MemoryTable) -> None:
    subject = asyncio.run(api.subjects.subject_of(SITE, "anna"))
    # The process before recorded it and was killed; this one has read the record.
    api.subjects.sync.erased.add(subject.id)
    done = asyncio.run(api.data.erase(SITE, "anna"))
    assert done["erased"]
    assert done["key_destroyed"]
    assert not table.rows


def test_of_a_stranger_nothing_is_recorded(api: Api, table: MemoryTable) -> None:
    done = asyncio.run(api.data.erase(SITE, "nobody"))
    assert not done["erased"]
    assert not api.writer.records
    assert not table.rows


def test_consent_is_written_as_an_interaction(api: Api) -> None:
    asyncio.run(api.data.consent(SITE, "anna", False))
    subject = asyncio.run(api.subjects.find(SITE, "anna"))
    assert subject is not None
    (value,) = api.writer.values(RAW)
    record = decode(value, [("schema", b"interaction.v1")])
    assert api.writer.keys == [subject.id.encode()]
    assert isinstance(record, Interaction)
    assert (record.kind, record.consent) == ("consent", False)


def test_what_is_personal_is_shown_in_clear_and_what_nobody_can_read_as_null() -> None:
    subject = new_subject()
    event = Interaction("e1", SITE, subject.id, "view", 1, 2, personal=encrypt_personal(subject, {"email": "a@b.c"}))
    assert interaction_row(subject, event)["personal"] == {"email": "a@b.c"}
    assert interaction_row(new_subject(), event)["personal"] is None
    event.personal = None
    assert interaction_row(subject, event)["personal"] == {}
