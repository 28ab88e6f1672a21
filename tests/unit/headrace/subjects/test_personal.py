"""Personal fields, which only their subject's key opens."""

import pytest

from headrace.errors import TerminalError
from headrace.interactions.records import Attribute
from headrace.subjects.personal import decrypt_personal, encrypt_personal
from headrace.subjects.subject import Subject, new_subject, packed, unpacked

VALUES: dict[str, Attribute] = {"email": "anna@example.org", "age": 31.0, "member": True}


def test_what_is_encrypted_comes_back() -> None:
    subject = new_subject()
    text = encrypt_personal(subject, VALUES)
    assert decrypt_personal(subject, text) == VALUES
    assert "anna" not in text


def test_the_same_values_look_different_each_time() -> None:
    subject = new_subject()
    assert encrypt_personal(subject, VALUES) != encrypt_personal(subject, VALUES)


def test_another_key_another_subject_or_a_change_is_refused() -> None:
    subject = new_subject()
    text = encrypt_personal(subject, VALUES)
    changed = text[:-6] + ("A" if text[-6] != "A" else "B") + text[-5:]
    attempts = [
        (new_subject(), text),
        (Subject(subject.id, new_subject().key), text),
        (Subject(new_subject().id, subject.key), text),
        (subject, changed),
        (subject, "no base64"),
        (subject, ""),
    ]
    for owner, tried in attempts:
        with pytest.raises(TerminalError):
            decrypt_personal(owner, tried)


def test_a_subject_is_48_bytes() -> None:
    subject = new_subject()
    assert unpacked(packed(subject)) == subject
    assert len(packed(subject)) == 48
