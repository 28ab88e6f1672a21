"""What the reading side holds in memory: the catalogue, the online model, the last sessions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.interactions.records import Item, ItemModel, Neighbour, RecommenderModel, Session
from headrace.recommend.catalog import NOWHERE, Catalog
from headrace.recommend.half_lives import DAY, HALF_LIVES
from headrace.recommend.online_model import OnlineModel
from headrace.recommend.session_index import SessionIndex
from headrace.recommend.tokens import TokenIndex
from tests.unit.headrace.recommend.small_world import SITE, START, items


def held(index: SessionIndex, number: int) -> NDArray[np.intp]:
    return index.with_items(np.array([number]))[0]


def test_an_item_keeps_its_number_when_it_is_removed_and_comes_back() -> None:
    catalog = Catalog()
    numbers = [catalog.put(item) for item in items("a", "b")]
    catalog.remove("a")
    catalog.remove("unknown")
    assert (catalog.listed[numbers[0]], catalog.item(numbers[0])) == (False, None)
    assert catalog.put(items("a")[0]) == numbers[0]
    assert catalog.find("unknown") == NOWHERE
    assert [catalog.name(number) for number in numbers] == ["a", "b"]


def test_numbers_that_no_array_holds_cost_themselves_alone() -> None:
    catalog = Catalog()
    number = catalog.put(Item(SITE, "a", START, min_age=10**9, created=10**30))
    assert catalog.min_age[number] > 150 and catalog.created[number] > START
    assert catalog.created[catalog.put(Item(SITE, "b", -(10**30)))] == 0


def test_an_items_tokens_follow_its_newer_form() -> None:
    catalog = Catalog()
    number = catalog.put(Item(SITE, "a", START, tags=("jazz",)))
    before = catalog.tokens.of(np.array([number])).copy()
    catalog.put(Item(SITE, "a", START, tags=("rock",)))
    after = catalog.tokens.of(np.array([number]))
    jazz, rock = int(before[0, 0]), int(after[0, 0])
    assert jazz != rock
    assert catalog.tokens.newest_with(jazz, 9) == []
    assert catalog.tokens.newest_with(rock, 9) == [number]


def test_an_item_without_a_time_of_creation_is_as_old_as_its_first_form() -> None:
    catalog = Catalog()
    number = catalog.put(Item(SITE, "a", START))
    catalog.put(Item(SITE, "a", START + DAY, title="renamed"))
    assert catalog.created[number] == START


def test_weights_and_lengths_follow_each_change_of_an_item() -> None:
    changed, fresh = TokenIndex(), TokenIndex()
    for number, words in ((0, "ab"), (1, "abc"), (2, "cdd"), (1, "bd"), (0, "")):
        changed.put(number, words)
        changed.lengths(np.arange(number + 1))
    for word in "abcd":
        fresh.put(9, word)
    fresh.put(9, "")
    fresh.put(1, "bd")
    fresh.put(2, "cdd")
    assert changed.weights().tolist() == fresh.weights().tolist()
    assert changed.lengths(np.arange(3)).tolist() == fresh.lengths(np.arange(3)).tolist()


def test_items_that_somebody_invents_take_room_only_to_a_bound() -> None:
    catalog = Catalog(most_unlisted=3)
    online, index = OnlineModel(catalog), SessionIndex(catalog)
    real = catalog.put(items("real")[0])
    for number in range(20):
        beside = (Neighbour(f"beside{number}", 0.5), Neighbour("real", 0.4))
        online.apply_item(ItemModel(SITE, f"x{number}", 1, START, 1.0, (1.0,) * 4, beside))
        index.put(_session(f"s{number}", [f"y{number}", "real"]))
    assert len(catalog) == 4
    assert len(index) == 20
    online.apply_item(ItemModel(SITE, "x0", 2, START, 1.0, (1.0,) * 4, beside))
    assert online.neighbours[catalog.find("x0"), :2].tolist() == [real, -1], "beside19 has no room"
    assert online.closeness[catalog.find("x0"), 0] == np.float32(0.4)
    assert catalog.put(items("late")[0]) == 4
    catalog.remove("late")
    catalog.put(items("x0")[0])
    assert catalog.number_if_room("x19") == NOWHERE, "one is listed now and one no more"
    catalog.put(items("late")[0])
    assert catalog.number_if_room("x19") == 5


def test_what_the_model_let_go_takes_no_room_where_it_isnt_known() -> None:
    catalog = Catalog()
    online = OnlineModel(catalog)
    online.apply_item(ItemModel(SITE, "gone", 1, START, 0.0, (0.0,) * 4))
    assert len(catalog) == 0


def test_liveliness_is_the_same_whenever_an_item_was_published() -> None:
    catalog = Catalog()
    online = OnlineModel(catalog)
    now = tuple(1.0 for _ in HALF_LIVES)
    later = tuple(0.5 ** (DAY / half_life) for half_life in HALF_LIVES)
    online.apply_item(ItemModel(SITE, "a", 1, START, 1.0, now))
    online.apply_item(ItemModel(SITE, "b", 1, START + DAY, 1.0, later))
    assert online.lively[0] == pytest.approx(online.lively[1])


def test_rankings_change_with_a_version_and_leave_out_what_is_gone() -> None:
    catalog = Catalog()
    online = OnlineModel(catalog)
    online.apply_item(ItemModel(SITE, "a", 1, START, 1.0, (1.0,) * 4))
    online.apply_item(ItemModel(SITE, "b", 1, START, 2.0, (2.0,) * 4, (Neighbour("new", 0.5),)))
    assert online.top(0).tolist() == [1, 0]
    online.apply_item(ItemModel(SITE, "b", 2, START, 0.0, (0.0,) * 4))
    assert online.top(0).tolist() == [1, 0]
    online.apply_version(RecommenderModel(SITE, 2, START, 3))
    assert online.top(0).tolist() == [0]
    assert online.version == 2


def test_an_older_form_of_a_session_changes_nothing() -> None:
    index = SessionIndex(Catalog())
    index.put(_session("s", ["a", "b"], revision=4))
    index.put(_session("s", ["a"], revision=2))
    assert index.sizes[index.slot_of("s")] == 2


def test_the_sessions_of_a_person_are_put_together() -> None:
    catalog = Catalog()
    index = SessionIndex(catalog, width=3)
    index.put(_session("s", ["a", "b"]))
    index.put(_session("s", ["b", "c", "d"], start=START + DAY))
    held = index.items[index.slot_of("s")].tolist()
    assert [catalog.name(number) for number in held] == ["b", "c", "d"]
    assert len(index) == 1


def test_a_session_that_is_taken_back_leaves_nothing_of_its_person() -> None:
    catalog = Catalog()
    index = SessionIndex(catalog)
    index.put(_session("s", ["a"]))
    index.put(_session("s", ["b"], start=START + DAY, revision=4))
    index.put(_session("s", [], start=START + DAY, revision=3))
    assert len(index) == 1, "an older form"
    index.put(_session("s", [], start=START + DAY, revision=7))
    assert (len(index), len(held(index, catalog.find("a")))) == (0, 0)


def test_entries_go_on_when_their_numbers_begin_again() -> None:
    catalog = Catalog()
    index = SessionIndex(catalog, most=3)
    for number in range(3):
        index.put(_session(f"s{number}", ["a"]))
    index._next = 2**31 // 3 * 3 - 1
    for number in range(3, 10):
        index.put(_session(f"s{number}", ["b"]))
    assert len(index) == len(held(index, catalog.find("b"))) == 3


def test_the_eldest_entry_makes_way_and_is_found_no_more() -> None:
    catalog = Catalog()
    index = SessionIndex(catalog, most=3)
    for number in range(5):
        index.put(_session(f"s{number}", ["a", f"own{number}"]))
    assert len(index) == 3
    assert index.slot_of("s1") is None
    assert len(held(index, catalog.find("a"))) == 3
    assert len(held(index, catalog.find("own0"))) == 0
    assert len(held(index, 10_000)) == 0


def test_entries_are_told_with_which_of_the_items_each_has() -> None:
    catalog = Catalog()
    index = SessionIndex(catalog)
    index.put(_session("s0", ["a", "b"]))
    index.put(_session("s1", ["b"]))
    slots, having = index.with_items(np.array([catalog.find("b"), 10_000, catalog.find("a")]))
    assert sorted(zip(slots.tolist(), having.tolist(), strict=True)) == [(0, 0), (0, 2), (1, 0)]


def test_of_an_item_that_everybody_has_only_the_last_entries_are_read() -> None:
    catalog = Catalog()
    index = SessionIndex(catalog, per_item=5)
    for number in range(50):
        index.put(_session(f"s{number}", ["a"]))
    assert sorted(held(index, catalog.find("a")).tolist()) == [45, 46, 47, 48, 49]


def test_a_person_who_is_dropped_is_gone_and_may_come_back() -> None:
    catalog = Catalog()
    index = SessionIndex(catalog)
    index.put(_session("s", ["a"]))
    index.drop("s")
    index.drop("s")
    assert (len(index), len(held(index, catalog.find("a")))) == (0, 0)
    index.put(_session("s", ["b"]))
    assert (len(index), len(held(index, catalog.find("a")))) == (1, 0)


def _session(subject: str, names: list[str], start: int = START, revision: int = 2) -> Session:
    return Session(SITE, subject, start, start, revision, tuple(names))
