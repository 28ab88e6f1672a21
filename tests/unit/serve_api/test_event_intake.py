"""Events in: those that are right are taken, each once, and those that are wrong are named by their places."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from headrace.errors import TransientError
from headrace.interactions.limits import Limits
from headrace.interactions.records import RAW, Interaction
from headrace.records import decode, headers_of
from headrace.subjects.subject import Subject, new_subject
from headrace.testing import FakeClock
from serve_api.clients.client import LOCAL, Client
from serve_api.clients.scopes import BROWSER_SCOPES
from serve_api.clients.user_tokens import UserTokens
from serve_api.events.event_intake import MAX_PERSONS, EventIntake
from serve_api.events.metrics import EventMetrics
from serve_api.events.sent import Sent
from serve_api.principal import Principal
from serve_api.problems import Problem
from tests.api_clients import SECRET, principal_of, token
from tests.unit.serve_api.written import Written

SERVER = principal_of(LOCAL)
PAGE = principal_of(Client("page", "browser", BROWSER_SCOPES, tokens=UserTokens([SECRET.encode()])))
VIEW = {"id": "e-1", "kind": "view", "user": "42", "item": "cup"}
_HEADERS = headers_of(Interaction("", "", "", "view", 0, 0))


class KnownPeople:
    """Subjects in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Subject] = {}
        self.is_away = False

    async def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
        if self.is_away:
            raise TransientError("Cassandra does not answer")
        return [self.known.setdefault(f"{site}/{name}", new_subject()) for name in names]


class Intake:
    """An intake without a broker."""

    def __init__(self) -> None:
        self.people = KnownPeople()
        self.written = Written()
        self.counted = CollectorRegistry()
        clock = FakeClock(1_769_860_800_000_000)
        metrics = EventMetrics(self.counted)
        self.events = EventIntake(self.people, self.written, clock, metrics, Limits())

    def take(self, *given: Any, principal: Principal = SERVER, proof: str | None = None) -> Any:
        each = [msgspec.Raw(msgspec.json.encode(one)) for one in given]
        return asyncio.run(self.events.take(principal, Sent(each, is_many=len(given) > 1), proof))

    def refused(self, *given: Any, principal: Principal = SERVER, proof: str | None = None) -> Problem:
        with pytest.raises(Problem) as raised:
            self.take(*given, principal=principal, proof=proof)
        assert not self.written.records
        return raised.value

    @property
    def interactions(self) -> list[Interaction]:
        found = [decode(value, _HEADERS) for value in self.written.values(RAW)]
        assert all(isinstance(each, Interaction) for each in found)
        return found  # type: ignore[return-value]  # as was checked

    def count(self, outcome: str) -> float | None:
        return self.counted.get_sample_value("headrace_api_events_total", {"service": "serve_api", "outcome": outcome})


def test_an_event_is_written_under_its_subject() -> None:
    intake = Intake()
    assert intake.take(VIEW) == {"accepted": 1, "repeated": 0, "refused": []}
    (written,) = intake.interactions
    subject = intake.people.known["default/42"]
    assert (written.id, written.site, written.subject, written.item) == ("e-1", "default", subject.id, "cup")
    assert intake.written.keys == [subject.id.encode()]
    assert b'"42"' not in intake.written.values(RAW)[0]


def test_the_right_ones_are_taken_and_the_wrong_ones_named_by_their_places() -> None:
    intake = Intake()
    wrong = {**VIEW, "id": "e-2", "kind": "look", "value": "x"}
    taken = intake.take(VIEW, wrong, 5, {**VIEW, "id": "e-3"})
    assert taken["accepted"] == 2
    assert [(each["index"], [fault["name"] for fault in each["errors"]]) for each in taken["refused"]] == [
        (1, ["kind"]),
        (2, ["event"]),
    ]
    assert [each.id for each in intake.interactions] == ["e-1", "e-3"]
    assert (intake.count("accepted"), intake.count("refused")) == (2, 2)


def test_where_none_is_right_the_request_is_wrong() -> None:
    problem = Intake().refused({**VIEW, "kind": "look"}, {**VIEW, "item": None})
    assert problem.status == 422
    assert [fault.name for fault in problem.faults] == ["events.0.kind", "events.1.item"]
    assert [fault.name for fault in Intake().refused({**VIEW, "item": None}).faults] == ["item"]
    assert len(Intake().refused(*[{}] * 1_000).faults) == 20


def test_an_event_that_is_there_twice_is_written_once_and_another_of_its_id_refused() -> None:
    intake = Intake()
    same_id_of_another = {**VIEW, "user": "43"}
    taken = intake.take(VIEW, VIEW, {**VIEW, "item": "saucer"}, same_id_of_another)
    assert (taken["accepted"], taken["repeated"]) == (2, 1)
    assert [(each["index"], each["errors"][0]["name"]) for each in taken["refused"]] == [(2, "id")]
    assert [each.item for each in intake.interactions] == ["cup", "cup"]
    without_id = {**VIEW, "id": None}
    assert Intake().take(without_id, without_id)["accepted"] == 2


def test_a_page_sends_events_of_its_own_user_alone() -> None:
    intake = Intake()
    proof = token("42", time.time())
    other = intake.refused({**VIEW, "user": "43"}, principal=PAGE, proof=proof)
    assert (other.status, other.kind) == (403, "another-user")
    assert intake.refused(VIEW, principal=PAGE).status == 403
    assert intake.refused(VIEW, principal=PAGE, proof="x.y.z").status == 401
    nobody = {"id": "e-2", "kind": "view", "item": "cup"}
    taken = intake.take(VIEW, {**VIEW, "user": "43"}, nobody, {**nobody, "session": "s-1"}, principal=PAGE, proof=proof)
    assert (taken["accepted"], taken["repeated"]) == (2, 0)
    assert [(each["index"], each["errors"][0]["name"]) for each in taken["refused"]] == [(1, "user"), (3, "id")]
    assert set(intake.people.known) == {"default/42"}
    assert intake.take({**nobody, "session": "s-1"}, principal=PAGE)["accepted"] == 1
    assert set(intake.people.known) == {"default/42", "default/session:s-1"}


def test_a_request_of_a_page_is_about_a_few_people() -> None:
    sessions = [{"kind": "view", "item": "cup", "session": f"s-{number % 30}"} for number in range(60)]
    intake = Intake()
    taken = intake.take(*sessions, principal=PAGE)
    assert taken["accepted"] == 2 * MAX_PERSONS
    assert [each["index"] for each in taken["refused"]] == [*range(20, 30), *range(50, 60)]
    assert len(intake.people.known) == MAX_PERSONS
    assert Intake().take(*sessions)["accepted"] == 60


def test_with_kafka_away_it_is_told_that_nobody_knows() -> None:
    intake = Intake()
    intake.written.is_away = True
    problem = intake.refused(VIEW)
    assert (problem.status, problem.kind, problem.retry_after) == (503, "unconfirmed", 2)
    assert "may count or not" in problem.detail
    assert intake.count("unconfirmed") == 1


def test_where_nobody_can_be_known_nothing_is_taken() -> None:
    intake = Intake()
    intake.people.is_away = True
    with pytest.raises(TransientError):
        intake.take(VIEW)
    assert not intake.written.records
    assert intake.count("no_subject") == 1


def test_without_keys_of_subjects_no_event_is_taken() -> None:
    intake = EventIntake(None, Written(), FakeClock(), EventMetrics(CollectorRegistry()), Limits(None))
    with pytest.raises(Problem, match="SERVE_API_SUBJECT_KEYS") as raised:
        asyncio.run(intake.take(SERVER, Sent([msgspec.Raw(msgspec.json.encode(VIEW))], False), None))
    assert raised.value.status == 503


def test_many_events_leave_others_their_turn() -> None:
    intake = Intake()
    turns = 0

    async def run() -> None:
        nonlocal turns
        each = [msgspec.Raw(msgspec.json.encode({**VIEW, "id": f"e-{number}"})) for number in range(1_000)]
        taking = asyncio.create_task(intake.events.take(SERVER, Sent(each, is_many=True), None))
        while not taking.done():
            turns += 1
            await asyncio.sleep(0)
        assert (await taking)["accepted"] == 1_000

    asyncio.run(run())
    assert turns >= 30
