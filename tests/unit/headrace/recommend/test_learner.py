"""The learner: the same from the same log, whatever was restored between; bounded; it can take back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.interactions.records import Exposure, ItemModel, Kind, Lesson, Recent
from headrace.recommend.learner import Learner
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.ranking_features import FEATURES
from tests.unit.headrace.recommend.small_world import DAYS, MINUTE, SITE, START, exposure

SMALL = LearnerSettings(pairs_kept=4, items_kept=8, dimensions=4)
_ITEMS = st.sampled_from([f"i{number}" for number in range(12)])


def lesson(item: str, before: Sequence[str] = (), at: int = START, is_new: bool = True) -> Lesson:
    """Somebody turns to an item a minute after those before it."""
    recent = tuple(Recent(name, "view", at - (len(before) - place) * MINUTE, 1.0) for place, name in enumerate(before))
    return Lesson(SITE, "", at, "interaction", item, 1.0, "view", recent, is_new)


_LESSONS = st.builds(lesson, _ITEMS, st.lists(_ITEMS, max_size=5, unique=True), st.integers(START, START + 90 * DAYS))
_FORGETS = st.builds(
    lambda names: Lesson(SITE, "", START, "forget", before=lesson("i0", names).before),
    st.lists(_ITEMS, max_size=4, unique=True),
)
_EXPOSURES = st.builds(
    lambda item, position, reward, explored, first: exposure(
        item, position, reward, explored=explored, features=(first,) + (0.5,) * (len(FEATURES) - 1)
    ),
    _ITEMS,
    st.integers(0, 30),
    st.sampled_from([0.0, 0.0, 1.0, 5.0]),
    st.booleans(),
    st.floats(-2, 2),
)
_STEPS = st.lists(st.one_of(_LESSONS, _LESSONS, _FORGETS, _EXPOSURES), max_size=60)


@settings(max_examples=40, deadline=None)
@given(_STEPS, st.data())
def test_a_learner_that_is_restored_at_any_point_goes_on_to_the_bit(
    steps: list[Lesson | Exposure], data: st.DataObject
) -> None:
    cuts = set(data.draw(st.lists(st.integers(0, 60), max_size=4)))
    published = set(data.draw(st.lists(st.integers(0, 60), max_size=4)))
    straight, stopping = Learner(SITE, SMALL), Learner(SITE, SMALL)
    cells: dict[bytes, bytes] = {}
    for place, step in enumerate(steps):
        if place in published:
            assert stopping.publish(place, START, 3) == straight.publish(place, START, 3)
        if place in cuts:
            _write(stopping, cells)
            stopping = Learner(SITE, SMALL)
            stopping.restore(dict(cells))
        for each in (straight, stopping):
            _learn(each, step)
    _write(stopping, cells)
    assert cells == _write(straight, {})
    assert stopping.publish(99, START, 1_000) == straight.publish(99, START, 1_000)


@settings(max_examples=20, deadline=None)
@given(_STEPS)
def test_passing_a_publication_over_leaves_what_publishing_leaves(steps: list[Lesson | Exposure]) -> None:
    one, other = Learner(SITE, SMALL), Learner(SITE, SMALL)
    for place, step in enumerate(steps):
        _learn(one, step)
        _learn(other, step)
        if place % 7 == 0:
            one.publish(place, START, 4)
            other.pass_over(place, 4)
    assert _write(one, {}) == _write(other, {})


def test_only_changed_items_are_written_again() -> None:
    learner = Learner(SITE)
    for number in range(20):
        learner.learn(lesson(f"i{number}"))
    assert len(_write(learner, {})) == 21
    learner.learn(lesson("i3"))
    assert set(_write(learner, {})) == {b"ii3", b"h"}


def test_a_cell_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="none of a recommender's"):
        Learner(SITE).restore({b"x": b""})
    with pytest.raises(ValueError, match="can't be read"):
        Learner(SITE).restore({b"h": b"\xff"})


def test_forgetting_takes_counts_and_pairs_back() -> None:
    taught, never = Learner(SITE), Learner(SITE)
    for learner in (taught, never):
        learner.learn(lesson("a"))
        learner.learn(lesson("b", ["a"]))
    taught.learn(lesson("a", at=START + MINUTE))
    taught.learn(lesson("c", ["a"], at=START + 2 * MINUTE))
    before = (Recent("a", "view", START + MINUTE, 1.0), Recent("c", "view", START + 2 * MINUTE, 1.0))
    taught.learn(Lesson(SITE, "", START + DAYS, "forget", before=before))
    found, expected = _rows(taught), _rows(never)
    assert found["c"].count == 0
    assert not found["c"].neighbours
    assert [each.item for each in found["a"].neighbours] == ["b"]
    assert found["a"].count == expected["a"].count
    assert found["a"].decayed == pytest.approx(expected["a"].decayed)
    assert found["a"].neighbours[0].score == pytest.approx(expected["a"].neighbours[0].score, rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "after", "count"),
    [("dwell", MINUTE, 1.0), ("view", 29 * MINUTE, 1.0), ("view", 31 * MINUTE, 1.25), ("purchase", MINUTE, 1.25)],
)
def test_a_page_that_is_loaded_again_makes_an_item_no_more_popular(kind: Kind, after: int, count: float) -> None:
    learner = Learner(SITE)
    learner.learn(lesson("a"))
    again = lesson("a", at=START + after, is_new=False)
    again.interaction, again.before = kind, (Recent("a", "view", START, 1.0),)
    learner.learn(again)
    assert _rows(learner)["a"].count == count


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(_ITEMS, st.lists(_ITEMS, max_size=12, unique=True), st.booleans()), max_size=20))
def test_nothing_is_asked_of_items_beyond_the_reach(given: list[tuple[str, list[str], bool]]) -> None:
    few = LearnerSettings(pair_reach=3)
    whole, trimmed = Learner(SITE, few), Learner(SITE, few)
    for place, (item, before, is_new) in enumerate(given):
        one = lesson(item, before, START + place, is_new)
        whole.learn(one)
        one.before = one.before[-few.reach :]
        trimmed.learn(one)
    assert _rows(trimmed) == _rows(whole)


def test_counts_halve_with_each_half_life() -> None:
    learner = Learner(SITE, LearnerSettings(half_lives=(1.0 * DAYS, 10.0 * DAYS)))
    learner.learn(lesson("a"))
    _, (row,) = learner.publish(1, START + 10 * DAYS, 10)
    assert row.decayed == pytest.approx((2.0**-10, 0.5))
    assert row.count == 1


def test_a_late_lesson_counts_as_of_its_own_time() -> None:
    learner = Learner(SITE, LearnerSettings(half_lives=(1.0 * DAYS,)))
    learner.learn(lesson("a", at=START))
    learner.learn(lesson("a", at=START - DAYS))
    _, (row,) = learner.publish(1, START, 10)
    assert row.decayed == pytest.approx((1.5,))


def test_memory_is_bounded_and_what_is_let_go_is_published_as_gone() -> None:
    learner = Learner(SITE, LearnerSettings(items_kept=100, pairs_kept=10, dimensions=4))
    for number in range(2_000):
        before = [f"i{each}" for each in range(max(number - 15, 0), number)]
        learner.learn(lesson(f"i{number}", before, START + number * MINUTE))
    assert len(learner) <= 105
    rows = _rows(learner)
    assert rows["i0"].count == 0
    assert rows["i1999"].count == 1
    assert max(len(row.neighbours) for row in rows.values()) <= 13
    cells = _write(learner, {})
    assert sum(map(len, cells.values())) < 200_000
    assert len(cells) <= 1 + 105, "what was let go isn't drawn as what didn't follow, and thus learned again"


def test_rows_beyond_what_a_publication_may_have_wait_for_the_next() -> None:
    learner = Learner(SITE)
    for number in range(10):
        learner.learn(lesson(f"i{number}"))
    _, first = learner.publish(1, START, 4)
    assert (len(first), learner.waiting) == (4, 6)
    _, second = learner.publish(2, START, 100)
    assert {row.item for row in first} | {row.item for row in second} == {f"i{number}" for number in range(10)}
    assert learner.publish(3, START, 100)[1] == []


def test_what_people_turned_to_is_published_before_what_is_beside_it() -> None:
    learner = Learner(SITE)
    learner.learn(lesson("a"))
    learner.publish(1, START, 100)
    learner.learn(lesson("b", ["a"]))
    assert [row.item for row in learner.publish(2, START, 1)[1]] == ["b"]
    assert [row.item for row in learner.publish(3, START, 1)[1]] == ["a"]


def test_all_can_be_published_again() -> None:
    learner = Learner(SITE)
    learner.learn(lesson("b", ["a"]))
    learner.publish(1, START, 100)
    learner.change_all()
    assert {row.item for row in learner.publish(2, START, 100)[1]} == {"a", "b"}


def _learn(learner: Learner, step: Lesson | Exposure) -> None:
    if isinstance(step, Lesson):
        learner.learn(step)
    else:
        learner.learn_exposure(step)


def _write(learner: Learner, cells: dict[bytes, bytes]) -> dict[bytes, bytes]:
    for key, content in learner.take_changes():
        if content is None:
            cells.pop(key, None)
        else:
            cells[key] = content
    return cells


def _rows(learner: Learner) -> dict[str, ItemModel]:
    return {row.item: row for row in learner.publish(1, START, 1_000_000)[1]}
