"""What is never recommended."""

import pytest

from headrace.recommend.policy import Policy
from tests.unit.headrace.recommend.small_world import QUIET, START, World, items, names


@pytest.fixture
def world() -> World:
    world = World(items("a", "b", "c", "d"))
    for each in range(3):
        world.does(f"someone{each}", "a", "b", "c", "d")
    return world


def test_what_was_bought_or_rated_isnt_recommended_and_what_was_viewed_is(world: World) -> None:
    world.does("me", "a", kind="purchase")
    world.does("me", "b", kind="rating")
    world.does("me", "c", kind="view")
    assert set(names(world.ask("me"))) == {"c", "d"}


def test_what_was_bought_long_ago_is_remembered(world: World) -> None:
    world.does("me", "a", kind="purchase")
    for number in range(60):
        world.does("me", f"other{number}")
    assert "a" not in names(world.ask("me"))


def test_what_isnt_available_or_was_removed_isnt_recommended(world: World) -> None:
    world.catalog.put(items("a", available=False)[0])
    world.catalog.remove("b")
    assert set(names(world.ask())) == {"c", "d"}
    world.catalog.put(items("b")[0])
    assert set(names(world.ask())) == {"b", "c", "d"}


def test_what_the_catalogue_never_had_is_recommended_only_if_the_policy_says_so(world: World) -> None:
    world.does("someone", "stray")
    assert "stray" not in names(world.ask(count=10))
    loose = Policy(exploration=QUIET, filters={"unlisted": False})
    assert "stray" in names(world.ask(count=10, policy=loose))


@pytest.mark.parametrize(("age", "is_shown"), [(None, False), (17, False), (18, True), ("40", False), (True, False)])
def test_what_is_for_adults_is_for_those_who_say_that_they_are(world: World, age: object, is_shown: bool) -> None:
    world.catalog.put(items("a", min_age=18)[0])
    context = {} if age is None else {"age": age}
    assert ("a" in names(world.ask(context=context))) == is_shown


def test_categories_are_asked_for_or_left_out(world: World) -> None:
    world.catalog.put(items("a", category="toys")[0])
    world.catalog.put(items("b", category="books")[0])
    assert names(world.ask(context={"category": "toys"})) == ["a"]
    assert names(world.ask(context={"category": "unheard of"})) == []
    without = Policy(exploration=QUIET, filters={"not_categories": ("toys", "unheard of")})
    assert set(names(world.ask(policy=without))) == {"b", "c", "d"}


def test_what_is_excluded_or_looked_at_isnt_recommended(world: World) -> None:
    answer = world.ask(exclude=("a", "unknown"), about="b")
    assert set(names(answer)) == {"c", "d"}


def test_beside_an_item_comes_what_goes_with_it() -> None:
    world = World(items("tea", "pot", "saw", "nail"))
    for each in range(5):
        world.does(f"builder{each}", "saw", "nail")
    for each in range(4):
        world.does(f"drinker{each}", "tea", "pot")
    answer = world.ask(about="tea", now=START + 10**12)
    assert names(answer)[0] == "pot"
    assert answer.items[0].reasons[0] == "goes with tea"


def test_without_consent_nothing_personal_is_used(world: World) -> None:
    world.does("me", "a")
    user = world.users["me"]
    user.consent = False
    assert names(world.ask("me")) == names(world.ask())
