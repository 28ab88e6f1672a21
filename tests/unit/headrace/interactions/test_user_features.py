"""What is known of a person after each interaction, by event time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.interactions.records import Interaction, UserFeatures
from headrace.interactions.user_features import (
    MOST_BOUGHT,
    MOST_RECENT,
    MOST_SESSION_ITEMS,
    anew,
    flagged,
    taken,
)

MINUTE = 60_000_000
DAY = 86_400_000_000
T0 = 20_000 * DAY


def interaction(kind: Any = "view", item: str | None = "a", at: int = T0, **changes: Any) -> Interaction:
    return Interaction(id="e", site="default", subject="s", kind=kind, item=item, time=at, received=at, **changes)


def after(*interactions: Interaction, before: UserFeatures | None = None) -> UserFeatures:
    features = before
    for number, each in enumerate(interactions):
        features = taken(features, each, T0 + 1_000 * DAY + number)
    assert features is not None
    return features


def test_recent_items_are_there_once_in_order_of_their_newest_interaction() -> None:
    features = after(interaction("view", "a", T0), interaction("view", "b", T0 + 1), interaction("cart", "a", T0 + 2))
    assert [(one.item, one.kind, one.time, one.weight) for one in features.recent] == [
        ("b", "view", T0 + 1, 1.0),
        ("a", "cart", T0 + 2, 3.0),
    ]


def test_a_late_interaction_is_placed_by_its_time_and_never_hides_a_newer_one() -> None:
    features = after(interaction("cart", "a", T0 + 5), interaction("view", "b", T0 + 3), interaction("view", "a", T0))
    assert [(one.item, one.kind) for one in features.recent] == [("b", "view"), ("a", "cart")]
    assert (features.updated, features.first_seen, features.revision) == (T0 + 5, T0, 3)


@pytest.mark.parametrize("kind", ["rating", "purchase"])
def test_a_later_look_undoes_no_rating_and_no_purchase_in_whatever_order_they_come(kind: str) -> None:
    said, look = interaction(kind, "a", T0, value=9.0), interaction("view", "a", T0 + 2)
    other = interaction("view", "b", T0 + 1)
    for features in (after(said, other, look), after(look, other, said), after(other, look, said)):
        assert [(one.item, one.kind, one.time) for one in features.recent] == [
            ("b", "view", T0 + 1),
            ("a", kind, T0 + 2),
        ]
        assert features.recent[-1].weight in (4.0, 5.0)
    changed = after(said, interaction("rating", "a", T0 + 3, value=2.0))
    assert [(one.kind, one.weight) for one in changed.recent] == [("rating", 0.0)]


def test_what_is_kept_is_bounded() -> None:
    many = [interaction("purchase", f"i{number}", T0 + number) for number in range(600)]
    features = after(*many)
    assert [one.item for one in features.recent] == [f"i{number}" for number in range(600 - MOST_RECENT, 600)]
    assert features.bought == tuple(f"i{number}" for number in range(600 - MOST_BOUGHT, 600))
    assert features.session_items == tuple(f"i{number}" for number in range(600 - MOST_SESSION_ITEMS, 600))
    assert after(interaction("view", "old", T0 - DAY), before=features).recent == features.recent


def test_a_pause_of_event_time_begins_a_session() -> None:
    features = after(interaction(item="a"), interaction(item="b", at=T0 + 30 * MINUTE))
    assert (features.session, features.session_items) == (T0, ("a", "b"))
    features = after(interaction(item="c", at=T0 + 60 * MINUTE + 1), before=features)
    assert (features.session, features.session_items) == (T0 + 60 * MINUTE + 1, ("c",))
    late = after(interaction(item="of the former", at=T0), before=features)
    assert (late.session, late.session_items) == (features.session, ("c",))


def test_an_impression_is_counted_and_nothing_else() -> None:
    features = after(interaction("impression", "a"), interaction("view", None))
    assert features.counts == {"impression": 1, "view": 1}
    assert (features.recent, features.session_items, features.session) == ((), (), 0)


def test_counts_halve_in_a_week_as_of_the_newest() -> None:
    features = after(interaction(at=T0), interaction(at=T0 + 7 * DAY), interaction("click", at=T0))
    assert features.decayed == pytest.approx({"view": 1.5, "click": 0.5})


def test_a_time_after_the_append_counts_as_the_append() -> None:
    features = taken(None, interaction(at=T0 + DAY), T0)
    assert (features.updated, features.first_seen, features.recent[0].time) == (T0, T0, T0)


def test_withdrawn_consent_empties_and_ignores_until_it_is_given_again() -> None:
    features = after(interaction(), interaction("consent", None, T0 + 1, consent=False))
    assert features == UserFeatures("default", "s", 2, T0 + 1, features.appended, T0 + 1, consent=False)
    assert taken(features, interaction(at=T0 + 2), T0 + 2) is features
    older = interaction("consent", None, T0, consent=True)
    assert taken(features, older, T0 + 3) is features
    again = after(interaction("consent", None, T0 + 2, consent=True), interaction(at=T0 + 3), before=features)
    assert again.consent and again.counts == {"view": 1} and again.revision == 4


def test_the_flagged_keep_nothing_and_start_anew() -> None:
    features = flagged(after(interaction()), T0 + 1)
    assert features.flagged and features.recent == () and features.counts == {} == features.decayed
    assert taken(features, interaction(), T0 + 2) is features
    assert not anew(features, T0 + 3).flagged and anew(features, T0 + 3).revision == features.revision + 1


@settings(max_examples=60)
@given(st.permutations([("cart" if at % 2 else "view", item, at) for at, item in enumerate("abacbdae")]))
def test_recent_items_and_counts_dont_depend_on_the_order_of_arrival(order: list[tuple[str, str, int]]) -> None:
    features = after(*(interaction(kind, item, T0 + at * MINUTE) for kind, item, at in order))
    in_order = after(*(interaction(kind, item, T0 + at * MINUTE) for kind, item, at in sorted(order, key=_at)))
    assert features.recent == in_order.recent and features.counts == in_order.counts
    assert features.decayed == pytest.approx(in_order.decayed)
    assert set(features.session_items) == set(in_order.session_items)


def _at(each: tuple[str, str, int]) -> int:
    return each[2]
