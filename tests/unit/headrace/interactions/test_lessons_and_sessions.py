"""What one interaction teaches, and which visit it is of."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.interactions.lessons import MOST_BEFORE, forget_of, lesson_of
from headrace.interactions.records import Interaction, Recent, Session, UserFeatures
from headrace.interactions.sessions import MOST_ITEMS, ended, followed, is_of_a_visit, withdrawn
from headrace.interactions.user_features import MOST_RECENT

MINUTE = 60_000_000
T0 = 1_700_000_000_000_000


def interaction(kind: Any = "view", item: str | None = "a", at: int = T0, **changes: Any) -> Interaction:
    return Interaction(id="e", site="default", subject="s", kind=kind, item=item, time=at, received=at, **changes)


def known(*items: str, **changes: Any) -> UserFeatures:
    recent = tuple(Recent(item, "view", T0, 1.0) for item in items)
    return UserFeatures("default", "s", 1, T0, T0, T0, recent, **changes)


def test_a_lesson_has_what_was_before_and_what_it_is_worth() -> None:
    lesson = lesson_of(known("a", "b"), interaction("cart", "c", T0 + 5))
    assert lesson is not None
    assert (lesson.item, lesson.weight, lesson.interaction, lesson.time) == ("c", 3.0, "cart", T0 + 5)
    assert [recent.item for recent in lesson.before] == ["a", "b"] and lesson.is_new


@pytest.mark.parametrize(
    ("before", "is_new"), [(None, True), (known("b"), True), (known("a"), False), (known(bought=("a",)), False)]
)
def test_an_item_is_new_to_who_neither_saw_nor_bought_it(before: UserFeatures | None, is_new: bool) -> None:
    lesson = lesson_of(before, interaction())
    assert lesson is not None and lesson.is_new is is_new


def test_what_is_older_than_all_that_is_kept_isnt_held_to_be_new() -> None:
    full = known(*(f"i{number}" for number in range(MOST_RECENT)))
    for before, time, is_new in ((full, T0 - 1, False), (full, T0, True), (known("i"), T0 - 1, True)):
        lesson = lesson_of(before, interaction(at=time))
        assert lesson is not None and lesson.is_new is is_new


@pytest.mark.parametrize(
    ("before", "what"),
    [
        (None, interaction("impression")),
        (None, interaction("consent", None)),
        (None, interaction(item=None)),
        (known(consent=False), interaction()),
        (known(flagged=True), interaction()),
    ],
)
def test_nothing_is_learned_of_it(before: UserFeatures | None, what: Interaction) -> None:
    assert lesson_of(before, what) is None


def test_a_lesson_has_the_newest_of_many() -> None:
    items = [f"i{number}" for number in range(50)]
    lesson = lesson_of(known(*items), interaction())
    assert lesson is not None and [recent.item for recent in lesson.before] == items[-MOST_BEFORE:]


def test_forgetting_takes_back_all_recent_items() -> None:
    lesson = forget_of(known("a", "b"), T0)
    assert lesson is not None and lesson.kind == "forget" and len(lesson.before) == 2
    assert forget_of(known(), T0) is None


def visit(*interactions: Interaction) -> Session:
    session: Session | None = None
    for each in interactions:
        session = followed(session, each, T0 + 1_000 * MINUTE)
    assert session is not None
    return session


def test_a_visit_goes_on_until_a_pause() -> None:
    session = visit(interaction(item="a"), interaction(item="b", at=T0 + 30 * MINUTE), interaction(item="a", at=T0 + 1))
    assert session == Session("default", "s", T0, T0 + 30 * MINUTE, 6, ("a", "b"))
    after = followed(session, interaction(item="c", at=T0 + 60 * MINUTE + 1), T0 + 61 * MINUTE)
    assert after == Session("default", "s", T0 + 60 * MINUTE + 1, T0 + 60 * MINUTE + 1, 2, ("c",))
    assert followed(after, interaction(item="old", at=T0), T0 + 61 * MINUTE) is after


def test_a_final_visit_may_go_on_with_a_higher_revision() -> None:
    session = visit(interaction(item="a"))
    assert (ended(session).revision, ended(session).final, ended(ended(session)).revision) == (3, True, 3)
    again = followed(ended(session), interaction(item="b", at=T0 + MINUTE), T0 + MINUTE)
    assert again is not None and (again.revision, again.final, again.items) == (4, False, ("a", "b"))
    assert (withdrawn(again).revision, withdrawn(again).items) == (7, ())
    assert withdrawn(ended(again)).revision == 7 > ended(again).revision


def test_the_newest_items_of_a_long_visit_are_kept() -> None:
    session = visit(*(interaction(item=f"i{number}", at=T0 + number) for number in range(80)))
    assert session.items == tuple(f"i{number}" for number in range(80 - MOST_ITEMS, 80))


def test_impressions_and_consent_make_no_visit() -> None:
    assert [is_of_a_visit(each) for each in (interaction("impression"), interaction("consent", None))] == [False] * 2
    assert is_of_a_visit(interaction("dwell")) and not is_of_a_visit(interaction(item=None))
