"""What each source of candidates finds."""

import numpy as np
import pytest

from headrace.recommend.batch_model import BatchModel, ItemFactors, ItemScores
from tests.unit.headrace.recommend.small_world import DAYS, START, World, items, names, only


def test_trending_follows_what_people_turn_to_now() -> None:
    world = World(items("old", "new", "rare"))
    for each in range(30):
        world.does(f"then{each}", "old")
    world.does("late", "rare", after=10 * DAYS)
    for each in range(5):
        world.does(f"now{each}", "new")
    assert world.found("trending")[0] == "new"
    assert set(world.found("trending")) == {"old", "new", "rare"}


def test_together_gives_what_the_same_people_turned_to() -> None:
    world = World(items("tea", "pot", "saw", "nail"))
    for each in range(4):
        world.does(f"drinker{each}", "tea", "pot")
        world.does(f"builder{each}", "saw", "nail")
    world.does("me", "tea", kind="purchase")
    answer = world.ask("me", policy=only("together"))
    assert names(answer) == ["pot"]
    assert answer.items[0].reasons[0] == "because you bought tea"


def test_what_everybody_turns_to_goes_with_nothing_in_particular() -> None:
    world = World(items("tea", "pot", "bag", *(f"other{each}" for each in range(40))))
    for each in range(40):
        world.does(f"someone{each}", f"other{each}", "bag")
    for each in range(4):
        world.does(f"drinker{each}", "tea", "pot", "bag")
    world.does("me", "tea")
    assert world.found("together", "me")[0] == "pot"


def test_sessions_give_what_alike_people_turned_to_without_any_version_of_the_model() -> None:
    world = World(items("a", "b", "c", "d"))
    world.does("alike", "a", "b", "c")
    world.does("unlike", "d", "c")
    world.does("me", "a", "b")
    world.online.model = None
    assert world.found("sessions", "me")[0] == "c"


def test_a_person_who_is_dropped_is_nobodys_neighbour() -> None:
    world = World(items("a", "b", "c"))
    world.does("alike", "a", "b", "c")
    world.does("me", "a", "b")
    world.sessions.drop("alike")
    assert world.found("sessions", "me") == []


def test_content_finds_an_item_that_nobody_ever_turned_to() -> None:
    world = World([*items("a", "b", tags=("jazz",)), *items("c", "d", tags=("rock",))])
    world.does("me", "a", kind="purchase")
    assert world.found("content", "me") == ["b"]


def test_rare_tags_tell_more_than_common_ones() -> None:
    common = items(*(f"c{each}" for each in range(20)), tags=("music",))
    world = World([*common, *items("mine", tags=("music", "zither")), *items("like", tags=("zither",))])
    world.does("me", "mine", kind="purchase")
    assert world.found("content", "me")[0] == "like"


def test_factors_learn_what_follows_what() -> None:
    world = World(items("a", "b", "c", "d"))
    for each in range(300):
        world.does(f"one{each}", "a", "b")
        world.does(f"two{each}", "c", "d")
    world.does("me", "a", kind="purchase")
    other = world.ask("me", policy=only("factors"))
    scores = {item.item: item.features for item in other.items}
    place = _place("factors_score")
    assert scores["b"][place] > scores["d"][place]
    assert scores["b"][place] > 0


@pytest.mark.parametrize("form", ["scores", "factors"])
def test_the_batch_model_is_swapped_while_serving(form: str) -> None:
    world = World(items("a", "b", "c"))
    world.does("someone", "b", "c")
    world.does("me", "a", kind="purchase")
    assert "batch" not in world.ask("me").versions
    assert "batch" in world.ask("me").degraded
    world.recommender.swap_batch(_batch(form))
    answer = world.ask("me", policy=only("batch"))
    assert world.found("batch", "me")[0] == "c"
    assert answer.versions["batch"] == 7
    assert answer.degraded == ()


def test_again_gives_the_persons_own_items_where_they_arent_held_back() -> None:
    world = World(items("a", "b"))
    world.does("me", "a", "b", kind="purchase")
    assert names(world.ask("me", policy=only("again"))) == []
    loose = only("again", filters={"seen": (), "bought": False})
    assert names(world.ask("me", policy=loose)) == ["b", "a"]


def test_fresh_gives_the_newest_items() -> None:
    world = World([*items("old"), *items("newer", created=world_time(1)), *items("newest", created=world_time(2))])
    answer = world.ask(policy=only("fresh"))
    assert set(names(answer)) == {"old", "newer", "newest"}
    assert {item.source for item in answer.items} == {"fresh"}
    few = only("fresh").changed({"sources": {"fresh": 1}})
    assert names(world.ask(policy=few)) == ["newest"]


def world_time(days: float) -> int:
    return START - 100 * DAYS + int(days * DAYS)


def _batch(form: str) -> BatchModel:
    if form == "scores":
        columns = np.array([[2, -1], [-1, -1], [-1, -1]], np.int32)
        return ItemScores(7, ("a", "b", "c"), columns, np.ones((3, 2), np.float32))
    return ItemFactors(7, ("a", "b", "c"), np.array([[1, 0], [0, 1], [1, 0.1]], np.float32), 10.0, 0.1)


def _place(name: str) -> int:
    from headrace.recommend.ranking_features import FEATURES

    return FEATURES.index(name)
