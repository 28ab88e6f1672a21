"""One event as a client sends it: what is taken, in which form, and what is refused, each field by its name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Reason
from headrace.interactions.event import FUTURE, KINDS, NO_ID, Event, event_of
from headrace.interactions.fault import Refused
from headrace.interactions.limits import DAY_US, Limits

NOW = 1_769_860_800_000_000
SECOND = 1_000_000
VIEW = {"id": "e-1", "kind": "view", "user": "42", "item": "cup"}
LARGE = 10**400


def refused(given: object) -> dict[str, str]:
    """The fields that are refused, each with what is wrong and how to mend it."""
    with pytest.raises(Refused) as raised:
        event_of(given, NOW)
    assert raised.value.reason is Reason.INVALID_RECORD
    assert all(fault.problem and fault.mend for fault in raised.value.faults)
    return {fault.name: f"{fault.problem}; {fault.mend}" for fault in raised.value.faults}


def test_an_event_has_one_form() -> None:
    sent = {
        "id": "order-17/1",
        "type": "purchase",
        "user": 42,
        "session": "s-1",
        "item": 7,
        "value": 9,
        "quantity": 2.0,
        "time": "2026-01-31T11:59:00Z",
        "recommendation": "r-1",
        "position": 3,
        "context": {"page": "home", "tries": 2, "is_app": True, "nothing": None},
        "personal": {"note": "ring twice"},
    }
    assert event_of(sent, NOW) == Event(
        "purchase",
        NOW - 60 * SECOND,
        "order-17/1",
        "42",
        "s-1",
        "7",
        9.0,
        2,
        "r-1",
        3,
        context={"page": "home", "tries": 2.0, "is_app": True},
        personal={"note": "ring twice"},
    )


def test_what_is_left_out_has_a_default_and_an_event_without_id_is_marked() -> None:
    event = event_of({"kind": "view", "session": "s-1", "item": "cup", "user": None, "value": None}, NOW)
    assert event == Event("view", NOW, session="s-1", item="cup", flags=(NO_ID,))
    assert event.person == "session:s-1"
    assert event_of(VIEW, NOW).person == "42"


def test_consent_names_no_item() -> None:
    event = event_of({"id": "c", "kind": "consent", "user": "42", "consent": False}, NOW)
    assert event.consent is False
    assert set(refused({"kind": "consent", "user": "42", "item": "cup"})) == {"consent", "item"}


def test_a_clock_that_is_a_little_fast_counts_as_now_and_is_marked() -> None:
    event = event_of({**VIEW, "time": NOW + 300 * SECOND}, NOW)
    assert (event.time, event.flags) == (NOW, (FUTURE,))
    assert "after now" in refused({**VIEW, "time": NOW + 301 * SECOND})["time"]


def test_old_events_are_refused_but_for_an_import() -> None:
    old = {**VIEW, "time": NOW - 30 * DAY_US - SECOND}
    assert "30 days ago" in refused(old)["time"]
    assert event_of({**VIEW, "time": NOW - 30 * DAY_US}, NOW).time == NOW - 30 * DAY_US
    assert event_of(old, NOW, Limits(max_age_us=None)).time == old["time"]


@pytest.mark.parametrize(
    ("change", "name", "tells"),
    [
        ({"kind": "look"}, "kind", "send one of view, click"),
        ({"kind": None}, "kind", "missing"),
        ({"kind": ["view"]}, "kind", "a list"),
        ({"type": "view"}, "type", "means the same"),
        ({"user": None}, "user", "nobody is named"),
        ({"user": ""}, "user", "empty"),
        ({"user": "x" * 129}, "user", "129 characters"),
        ({"user": True}, "user", "no text"),
        ({"user": "a\nb"}, "user", "can't be shown"),
        ({"user": "session:7"}, "user", "begin with session:"),
        ({"session": {"id": 1}}, "session", "an object"),
        ({"item": None}, "item", "missing"),
        ({"item": "x" * 257}, "item", "257 characters"),
        ({"item": "\ud800"}, "item", "can't be shown"),
        ({"id": "with space"}, "id", "visible ASCII"),
        ({"id": "ö"}, "id", "visible ASCII"),
        ({"id": "x" * 129}, "id", "129"),
        ({"time": "yesterday"}, "time", "ISO 8601"),
        ({"time": "2026-01-31T12:00:00"}, "time", "no zone"),
        ({"time": -1}, "time", "1970"),
        ({"time": 1e300}, "time", "too large"),
        ({"time": float("nan")}, "time", "no time"),
        ({"time": True}, "time", "no time"),
        ({"time": {"$date": 1}}, "time", "no time"),
        ({"time": LARGE}, "time", "too large"),
        ({"value": 3}, "value", "a view has none"),
        ({"quantity": 2}, "quantity", "of cart and purchase"),
        ({"consent": True}, "consent", "kind consent"),
        ({"position": 1}, "position", "recommendation"),
        ({"position": -1, "recommendation": "r"}, "position", "0 to 9999"),
        ({"position": 1.5, "recommendation": "r"}, "position", "whole"),
        ({"recommendation": "a b"}, "recommendation", "visible ASCII"),
        ({"kind": "rating"}, "value", "rating, from 0 to 10"),
        ({"kind": "rating", "value": 10.5}, "value", "from 0 to 10"),
        ({"kind": "rating", "value": float("nan")}, "value", "no number"),
        ({"kind": "dwell"}, "value", "seconds"),
        ({"kind": "dwell", "value": -1}, "value", "out of range"),
        ({"kind": "dwell", "value": "5"}, "value", "no number"),
        ({"kind": "purchase", "value": -0.01}, "value", "out of range"),
        ({"kind": "purchase", "value": float("inf")}, "value", "no number"),
        ({"kind": "purchase", "value": LARGE}, "value", "no number"),
        ({"kind": "purchase", "quantity": 0}, "quantity", "from 1"),
        ({"kind": "purchase", "quantity": True}, "quantity", "whole"),
        ({"context": []}, "context", "no object"),
        ({"context": {f"k{number}": 1 for number in range(33)}}, "context", "at most 32"),
        ({"context": {"k" * 65: 1}}, "context." + "k" * 60, "1 to 64"),
        ({"context": {"a\tb": 1}}, "context.a\\tb", "no name"),
        ({"context": {"deep": {"er": 1}}}, "context.deep", "an object"),
        ({"context": {"n": float("inf")}}, "context.n", "no text, number"),
        ({"context": {"n": 2**53 + 1}}, "context.n", "rounded"),
        ({"context": {"n": LARGE}}, "context.n", "no text, number"),
        ({"context": {"t": "x" * 513}}, "context.t", "513 characters"),
        ({"context": {"t": "\ud800"}}, "context.t", "surrogate"),
        ({"personal": "jo@example.com"}, "personal", "no object"),
        ({"usr": "42"}, "usr", "no such field"),
        ({"subject": "x"}, "subject", "no such field"),
        ({"site": "other"}, "site", "no such field"),
        ({"flags": []}, "flags", "no such field"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], name: str, tells: str) -> None:
    found = refused({**VIEW, **change})
    assert tells in found[name]


@pytest.mark.parametrize("given", [None, 5, "view", [], [VIEW]])
def test_what_is_no_object_is_refused(given: object) -> None:
    assert "no JSON object" in refused(given)["event"]


def test_all_that_is_wrong_is_told_at_once_and_not_without_end() -> None:
    assert {"kind", "item", "time", "extra"} == refused({"user": "42", "item": [], "time": "never", "extra": 1}).keys()
    assert len(refused({f"unknown{number}": 1 for number in range(5_000)})) == 20


@pytest.mark.parametrize(
    "context",
    [
        *(
            {name: "x"}
            for name in ("email", "E-Mail", "ip", "IP_address", "name", "lastName", "phone", "user-agent", "lat")
        ),
        *({name: "x"} for name in ("billing_address", "contactPhone", "customer-first-name", "clientIP", "e-mail2")),
        *({"note": value} for value in ("2001:db8::7", "[::1]")),
        *({"note": value} for value in ("ask jo@example.com please", "from 192.168.0.17", "JO@EXAMPLE.COM")),
    ],
)
def test_what_is_plainly_personal_is_treated_so_without_being_told(context: dict[str, str]) -> None:
    event = event_of({**VIEW, "context": {**context, "page": "home"}}, NOW)
    assert event.context == {"page": "home"}
    assert event.personal == context


def test_what_only_sounds_personal_may_be_seen() -> None:
    context = {
        "address_form": "long",
        "email_campaign": "spring",
        "is_mobile": True,
        "page_name": "a",
        "time": "10:20:30",
    }
    assert event_of({**VIEW, "context": context}, NOW).context == context


def test_personal_fields_that_are_named_so_win() -> None:
    event = event_of({**VIEW, "context": {"email": "a"}, "personal": {"email": "b", "size": 9}}, NOW)
    assert event.personal == {"email": "b", "size": 9.0}


def test_somebody_who_is_proven_elsewhere_needs_no_name() -> None:
    nobody = {"id": "e", "kind": "view", "item": "cup"}
    assert event_of(nobody, NOW, user="42").user == "42"
    assert event_of({**nobody, "session": "s"}, NOW, user="42").user is None


def test_every_kind_is_taken() -> None:
    values = {"rating": 7, "dwell": 30}
    for kind in KINDS:
        named = {"consent": True} if kind == "consent" else {"item": "cup"}
        value = {"value": values[kind]} if kind in values else {}
        assert event_of({"id": "e", "kind": kind, "user": "42", **named, **value}, NOW).kind == kind


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from([*Event.__struct_fields__, "type", "other"])


@given(st.dictionaries(_NAMES, _ANYTHING, max_size=8) | _ANYTHING)
def test_whatever_is_sent_it_is_an_event_or_refused(sent: object) -> None:
    try:
        event = event_of(sent, NOW)
    except Refused as refusal:
        assert 0 < len(refusal.faults) <= 20
        assert len(str(refusal)) < 20_000
    else:
        assert NOW - 30 * DAY_US <= event.time <= NOW
        assert event.user or event.session
