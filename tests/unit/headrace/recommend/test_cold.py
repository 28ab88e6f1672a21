"""Nobody we know, items nobody knows, and parts that are away."""

from tests.unit.headrace.recommend.small_world import World, items, names, only


def test_a_stranger_is_shown_what_is_popular_and_the_first_click_makes_it_personal() -> None:
    world = World(items("tea", "pot", "saw", "nail", "pen"))
    for each in range(6):
        world.does(f"drinker{each}", "tea", "pot")
    for each in range(9):
        world.does(f"builder{each}", "saw", "nail")
    stranger = world.ask("me", count=2)
    assert set(names(stranger)) == {"saw", "nail"}
    assert stranger.items[0].reasons[0].startswith("popular")
    world.does("me", "tea")
    assert names(world.ask("me", policy=only("together")))[0] == "pot"
    assert "because you viewed tea" in next(item for item in world.ask("me").items if item.item == "pot").reasons


def test_before_anything_is_learned_the_newest_items_are_shown_and_the_answer_says_so() -> None:
    answer = World(items("a", "b")).ask()
    assert set(names(answer)) == {"a", "b"}
    assert answer.items[0].reasons == ("new here",)
    assert "online" in answer.degraded
    assert answer.versions == {"online": 0}


def test_an_empty_catalogue_has_nothing_to_show() -> None:
    assert World().ask().items == ()
    assert World().ask(about="gone").items == ()


def test_an_item_nobody_turned_to_comes_in_by_its_tags() -> None:
    world = World([*items("a", "b", tags=("jazz",)), *items("c", "d", tags=("rock",))])
    world.does("me", "a")
    found = next(item for item in world.ask("me", policy=only("content")).items if item.item == "b")
    assert found.reasons


def test_every_item_has_a_reason() -> None:
    world = World(items(*(f"i{number}" for number in range(30))))
    for number in range(29):
        world.does(f"p{number}", f"i{number}", f"i{number + 1}")
    world.does("me", "i3", "i9")
    assert all(item.reasons for item in world.ask("me", count=25).items)
    assert all(len(item.reasons) <= 2 for item in world.ask("me", count=25).items)
