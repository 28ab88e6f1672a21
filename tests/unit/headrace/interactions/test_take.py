"""The record of an event: nothing in it tells whom it is about once the subject's key is gone."""

from headrace.interactions.event import event_of
from headrace.interactions.records import Interaction
from headrace.interactions.take import interaction_of
from headrace.records import encode
from headrace.subjects.personal import decrypt_personal
from headrace.subjects.subject import new_subject

NOW = 1_769_860_800_000_000
SENT = {
    "id": "e-1",
    "kind": "view",
    "user": "canary-user",
    "session": "canary-session",
    "item": "cup",
    "context": {"page": "home", "email": "canary@example.com"},
    "personal": {"note": "canary-note"},
}


def test_the_record_names_the_subject_and_encrypts_what_is_personal() -> None:
    subject = new_subject()
    made = interaction_of(event_of(SENT, NOW - 5), subject, "shop", NOW)
    assert b"canary" not in encode(made)
    assert made.personal is not None
    assert decrypt_personal(subject, made.personal) == {"email": "canary@example.com", "note": "canary-note"}
    assert made == Interaction(
        "e-1",
        "shop",
        subject.id,
        "view",
        NOW - 5,
        NOW,
        "cup",
        session=made.session,
        context={"page": "home"},
        personal=made.personal,
    )


def test_a_session_has_the_same_alias_for_one_subject_and_another_for_each_other() -> None:
    subject, other = new_subject(), new_subject()
    event = event_of(SENT, NOW)
    alias = interaction_of(event, subject, "shop", NOW).session
    assert alias == interaction_of(event, subject, "shop", NOW).session
    assert alias != interaction_of(event, other, "shop", NOW).session
    assert alias != interaction_of(event_of({**SENT, "session": "s-2"}, NOW), subject, "shop", NOW).session
    assert interaction_of(event_of({**SENT, "session": None}, NOW), subject, "shop", NOW).session is None


def test_an_event_without_id_gets_one_of_its_own_each_time() -> None:
    event = event_of({**SENT, "id": None}, NOW)
    subject = new_subject()
    assert len({interaction_of(event, subject, "shop", NOW).id for _ in range(3)}) == 3
