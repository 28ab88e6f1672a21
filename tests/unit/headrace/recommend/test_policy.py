"""Policies as configuration, and what diversity and business rules do."""

from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.recommend.policy import Policies, Policy, load_policies
from tests.unit.headrace.recommend.small_world import QUIET, World, items, names

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def world() -> World:
    toys = items("t1", "t2", "t3", category="toys", tags=("wood",))
    world = World([*toys, *items("b1", "b2", category="books", tags=("paper",), attributes={"own_brand": True})])
    for number, name in enumerate(("t1", "t2", "t3", "b1", "b2")):
        for each in range(9 - number):
            world.does(f"{name}{each}", name)
    return world


def test_the_shipped_policies_are_read() -> None:
    policies = load_policies(ROOT / "deploy" / "recommendations.yaml")
    assert policies.of("home") == policies.of("anything else") == policies.default
    assert "again" in policies.of("baskets").sources
    assert not policies.of("baskets").filters.bought


def test_an_arm_replaces_parts_of_a_surface() -> None:
    policies = Policies(surfaces={"home": {"exploration": {"rate": 0.5}}})
    arm = policies.of("home", {"sources": {"trending": 7}, "filters": {"bought": False}})
    assert arm.sources == {"trending": 7}
    assert (arm.filters.bought, arm.filters.unavailable) == (False, True)
    assert arm.exploration.rate == 0.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("default: {sources: {trendy: 3}}", "sources.trendy"),
        ("surfaces: {home: {filtres: {}}}", "surfaces.home.*filtres"),
        ("default: {rules: [{name: sale, boost: 1}]}", "which items"),
        ("default: {rules: [{name: sale, category: toys}]}", "does nothing"),
        ("default: [", "can't be read"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "recommendations.yaml").write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        load_policies(tmp_path / "recommendations.yaml")


def test_a_cap_lets_other_categories_in(world: World) -> None:
    assert {name[0] for name in names(world.ask(count=3))} == {"t"}
    capped = Policy(exploration=QUIET, diversity={"most_per_category": 2})
    assert sorted(name[0] for name in names(world.ask(count=3, policy=capped))) == ["b", "t", "t"]


def test_a_cap_doesnt_leave_an_answer_short(world: World) -> None:
    capped = Policy(exploration=QUIET, diversity={"most_per_category": 1})
    assert len(names(world.ask(count=5, policy=capped))) == 5


def test_likeness_to_what_is_above_costs(world: World) -> None:
    varied = Policy(exploration=QUIET, diversity={"likeness_cost": 10.0})
    first, second, *_ = names(world.ask(policy=varied))
    assert {first[0], second[0]} == {"t", "b"}
    assert sorted(names(world.ask(policy=varied))) == ["b1", "b2", "t1", "t2", "t3"]


def test_rules_boost_bury_and_remove(world: World) -> None:
    def shown(**rule: object) -> list[str]:
        return names(world.ask(policy=Policy(exploration=QUIET, rules=({"name": "rule", **rule},))))

    assert shown(category="books", boost=10)[:2] == ["b1", "b2"]
    assert shown(tag="wood", boost=-10)[:2] == ["b1", "b2"]
    assert shown(attributes={"own_brand": True}, boost=10)[:2] == ["b1", "b2"]
    assert shown(items=("t1",), remove=True) == [name for name in names(world.ask()) if name != "t1"]
    assert shown(category="unheard of", remove=True) == names(world.ask())


def test_a_pinned_item_comes_first_though_no_source_finds_it(world: World) -> None:
    world.catalog.put(items("pin")[0])
    rule = {"name": "launch", "items": ("pin",), "pin": True}
    policy = Policy(exploration=QUIET, sources={"trending": 50}, rules=(rule,))
    answer = world.ask(policy=policy)
    assert names(answer)[0] == "pin"
    assert (answer.items[0].source, answer.items[0].reasons) == ("rules", ("picked for you",))


def test_a_pin_doesnt_pass_the_filters(world: World) -> None:
    world.catalog.put(items("pin", available=False)[0])
    rule = {"name": "launch", "items": ("pin",), "pin": True}
    assert "pin" not in names(world.ask(policy=Policy(exploration=QUIET, rules=(rule,))))
