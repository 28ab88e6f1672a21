"""What becomes of messages of people: interactions under subjects in their order, or letters that show no value."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.deadletter_topic import replay
from headrace.errors import Reason
from headrace.subjects.personal import decrypt_personal
from headrace.subjects.subject import session_name, user_name
from headrace.testing import FakeProducer
from ingest_mqtt.mqtt_packets import Properties
from tests.unit.ingest_mqtt.personal_setup import PersonalSetup, publish


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[PersonalSetup]:
    setup = PersonalSetup(tmp_path)
    yield setup
    setup.lookup.close()


def event(**more: object) -> bytes:
    return json.dumps({"kind": "view", "item": "cup", "id": "e1", "user": "anna", **more}).encode()


def test_event_is_an_interaction_under_the_subject_that_other_edges_know(setup: PersonalSetup) -> None:
    setup.take(publish(event(visit="v9", mail="anna@example.org", context={"page": 3})))
    [record], [found] = setup.kafka.of_topic("interactions.raw"), setup.interactions()
    anna = setup.edge.subject_of("main", user_name("anna"))
    assert (record.key, found.subject, found.site) == (anna.id.encode(), anna.id, "main")
    assert (found.id, found.kind, found.item, found.received) == ("e1", "view", "cup", setup.clock.now_us())
    assert found.context == {"page": 3.0, "kiosk": "k7"}
    assert found.session is not None
    assert decrypt_personal(anna, found.personal or "") == {"mail": "anna@example.org"}
    everything = b"".join([record.key or b"", record.value or b"", *record.headers.values()])
    assert not [secret for secret in (b"anna", b"k7-v9", b"v9") if secret in everything]


def test_nobody_known_is_the_session_that_the_route_names(setup: PersonalSetup) -> None:
    setup.take(publish(json.dumps({"kind": "click", "item": "cup", "visit": 9}).encode()))
    assert setup.interactions()[0].subject == setup.edge.subject_of("main", session_name("k7-9")).id


def test_topic_can_tell_whose_it_is_and_then_no_letter_shows_it(setup: PersonalSetup) -> None:
    setup.take(
        publish(b'{"item": "cup"}', 1, b"people/bert"),
        publish(b'{"item": "cup", "user": "anna"}', 2, b"people/bert"),
        publish(b"{", 3, b"people/bert"),
    )
    assert [found.subject for found in setup.interactions()] == [setup.edge.subject_of("main", user_name("bert")).id]
    assert len(setup.letters()) == 2
    assert not [record for record in setup.kafka.of_topic("deadletters") if "bert" in repr(record)]


@pytest.mark.parametrize("body", ["[{0}, {1}]", '{{"events": [{0}, {1}]}}'])
def test_list_is_acknowledged_once_kafka_has_all_of_it(setup: PersonalSetup, body: str) -> None:
    setup.take(publish(body.format(event().decode(), event(id="e2", user="bert").decode()).encode(), mid=5))
    assert [found.id for found in setup.interactions()] == ["e1", "e2"]
    first, second = setup.kafka._waiting
    first(None, None)  # type: ignore[arg-type]  # librdkafka's own cannot be made here
    assert setup.window.release() == []
    second(None, None)  # type: ignore[arg-type]
    assert setup.window.release() == [5]
    assert (setup.window.outstanding, setup.window.outstanding_bytes) == (0, 0)


def test_one_record_that_kafka_does_not_take_fails_the_message(setup: PersonalSetup) -> None:
    setup.take(publish(b"[%b,%b]" % (event(), event(id="e2"))))
    first, second = setup.kafka._waiting
    first("refused", None)  # type: ignore[arg-type]
    second(None, None)  # type: ignore[arg-type]
    assert [error for _, error, _ in setup.window.failures] == ["refused"]
    assert setup.window.release() == []


def test_message_that_comes_again_gives_the_same_ids(setup: PersonalSetup) -> None:
    nameless = json.dumps([{"kind": "view", "item": item, "user": "anna"} for item in ("a", "b")]).encode()
    properties = Properties(9, correlation=b"\x01\x02")
    setup.take(publish(nameless, 1, properties=properties), publish(nameless, 2, properties=properties))
    first, second, again, _ = ids = [found.id for found in setup.interactions()]
    assert (ids[:2], first == second) == (ids[2:], False)
    assert first == again
    assert all(found.flags == () for found in setup.interactions())
    other = Properties(9, user=[("id", b"m-1")])
    setup.take(publish(nameless, 3, properties=other), publish(nameless, 4, b"kiosks/k8/events", properties=other))
    assert len({found.id for found in setup.interactions()}) == 6


def test_event_without_any_id_says_that_it_may_count_twice(setup: PersonalSetup) -> None:
    setup.take(publish(event(id=None)), publish(event(id=None)))
    first, second = setup.interactions()
    assert first.id != second.id
    assert first.flags == ("no_id",)


SECRETS = ("anna", "0815", "@example", "geheim")
BAD = {
    b"anna": Reason.MALFORMED_JSON,
    b'{"user": "anna"': Reason.MALFORMED_JSON,
    b"": Reason.EMPTY_BODY,
    b"[]": Reason.INVALID_RECORD,
    b'"anna"': Reason.INVALID_RECORD,
    b"{\"anna@example.org\": 1}": Reason.INVALID_RECORD,
    event(kind="anna"): Reason.INVALID_RECORD,
    event(user=["anna"]): Reason.INVALID_RECORD,
    event(user="anna\n0815"): Reason.INVALID_RECORD,
    event(user="session:anna"): Reason.INVALID_RECORD,
    event(time="anna 0815"): Reason.INVALID_RECORD,
    event(context={"anna": {"geheim": 1}}): Reason.INVALID_RECORD,
    event(mail={"geheim": 1}): Reason.INVALID_RECORD,
    event(geheim="anna"): Reason.INVALID_RECORD,
    event(item="anna" * 100): Reason.INVALID_RECORD,
    event(session="geheim"): Reason.INVALID_RECORD,
    event().decode().encode("utf-16"): Reason.MALFORMED_JSON,
    b"[" * 5_000: Reason.MALFORMED_JSON,
    b" " * 10 + b'{"user": "anna"' + b" " * 1_100_000: Reason.TOO_LARGE,
}  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_what_can_not_be_taken_is_a_letter_that_shows_no_value(setup: PersonalSetup, body: bytes) -> None:
    setup.take(publish(body, mid=3))
    [letter], [record] = setup.letters(), setup.kafka.of_topic("deadletters")
    assert letter.reason == BAD[body]
    assert not [secret for secret in SECRETS if secret in repr(record)]
    shown = json.loads(letter.value)
    assert shown["length"] == len(body)
    assert len(shown["fingerprint"]) == 64
    assert letter.source.topic == "personal/kiosk"
    assert dict(letter.headers)["mqtt.topic"] == b"kiosks/k7/events"
    assert setup.interactions() == []
    assert setup.released() == [3]
    assert setup.count("dead_letters_total", reason=BAD[body].value) == 1


def test_letter_says_what_to_send_and_can_not_be_replayed_as_a_reading(setup: PersonalSetup) -> None:
    setup.take(publish(event(kind="rating", value=11, extra=1)))
    [letter] = setup.letters()
    assert "event 0: a field of another name: leave it out" in letter.detail
    assert "value: send a number from 0 to 10" in letter.detail
    [shown] = json.loads(letter.value)["events"]
    assert shown["fields"]["user"] == "text of 4 characters"
    assert shown["unknown_fields"] == 1
    kafka = FakeProducer()
    assert "was about people" in replay(kafka, letter)
    assert kafka.records == []


def test_what_is_right_in_a_message_is_taken_and_the_receipt_names_the_letter(setup: PersonalSetup) -> None:
    asks = Properties(9, response_topic="receipts/k7", correlation=b"1")
    setup.take(publish(b"[%b, {}, %b]" % (event(), event(id="e2")), 4, properties=asks))
    assert [found.id for found in setup.interactions()] == ["e1", "e2"]
    assert "1 of 3 events are refused; event 1:" in setup.letters()[0].detail
    assert setup.released() == [4]
    [(entry, _, _)] = setup.window.confirmed
    assert entry.reason == "invalid_record"
    assert (
        setup.count("mqtt_events_total", outcome="accepted"),
        setup.count("mqtt_events_total", outcome="refused"),
    ) == (
        2,
        1,
    )


def test_topic_without_a_route_is_a_letter_without_topic_and_body(setup: PersonalSetup) -> None:
    setup.take(publish(event(), topic=b"kiosks/anna/other"))
    [record] = setup.kafka.of_topic("deadletters")
    assert setup.letters()[0].reason == Reason.NO_ROUTE
    assert "anna" not in repr(record)


def test_while_subjects_can_not_be_known_all_wait_in_order_and_then_go_on(setup: PersonalSetup) -> None:
    setup.take(publish(event()))
    setup.table.is_away = True
    setup.take(publish(event(id="e2", user="bert"), 2), publish(event(id="e3"), 3))
    assert [found.id for found in setup.interactions()] == ["e1"]
    assert setup.released() == [1]
    assert setup.lookup.problem == "Cassandra is away"
    assert setup.count("failed_subject_lookups_total") == 1
    setup.table.is_away = False
    setup.clock.advance(1)
    setup.forwarder.advance()
    setup.lookup.problem = None
    setup.settle()
    assert [found.id for found in setup.interactions()] == ["e1", "e2", "e3"]
    assert setup.released() == [2, 3]


def test_what_waits_for_a_connection_that_ended_is_forgotten(setup: PersonalSetup) -> None:
    setup.table.is_away = True
    setup.take(publish(event(), 1), publish(event(id="e0"), qos=0))
    setup.window.abandon()
    setup.table.is_away = False
    setup.clock.advance(1)
    setup.forwarder.take([publish(event(id="e2"), 1)])
    setup.lookup.problem = None
    setup.settle()
    assert [found.id for found in setup.interactions()] == ["e0", "e2"]
    assert setup.released() == [1]
    assert (setup.window.outstanding, setup.window.outstanding_bytes, setup.window.outstanding_qos0) == (0, 0, 0)


def test_person_that_is_erased_meanwhile_is_another_subject(setup: PersonalSetup) -> None:
    before = setup.edge.subject_of("main", user_name("anna"))
    setup.take(publish(event()))
    setup.edge.erased.add(before.id)
    setup.subjects.erased.add(before.id)
    setup.take(publish(event(id="e2")))
    first, second = setup.interactions()
    assert first.subject == before.id
    assert second.subject not in ("", before.id)


def test_many_strangers_are_looked_up_at_once(setup: PersonalSetup) -> None:
    setup.take(*(publish(event(id=f"e{number}", user=f"u{number}"), number) for number in range(1, 501)))
    assert [found.id for found in setup.interactions()] == [f"e{number}" for number in range(1, 501)]
    assert setup.released() == list(range(1, 501))


def test_record_that_kafka_refuses_for_its_size_is_a_hidden_letter(setup: PersonalSetup) -> None:
    setup.take(publish(event()))
    entry = setup.kafka._waiting.pop()
    entry("too large", None)  # type: ignore[arg-type]
    [(failed, _, _)] = setup.window.failures
    setup.forwarder.refuse(failed)
    assert setup.letters()[0].reason == Reason.TOO_LARGE
    assert "anna" not in repr(setup.kafka.of_topic("deadletters"))
    assert setup.released() == [1]
