"""The checker of interactions passes a good world and finds each way in which one can be broken."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from headrace.experiments.folder import load_experiments
from loadtest.interaction_checker import Logged, Stored, Verdict, Windows, exposures_of, judge, totals_of
from loadtest.interaction_faults import COMPONENTS, SURFACE, Outcome, Plan, described, environment_of
from loadtest.interaction_history import Answer, Event, History

START, WINDOW = 1_700_000_000_000_000, 6_000_000
WINDOWS = Windows(WINDOW, WINDOW, "tried")


@dataclass
class World:
    """Two people: one was answered, clicked and bought; of the other's view the answer got lost, and it came twice."""

    history: History = field(default_factory=History)
    raw: list[Logged] = field(default_factory=list)
    made: list[Logged] = field(default_factory=list)
    features: dict[str, Any] = field(default_factory=dict)
    lessons: list[dict[str, Any]] = field(default_factory=list)
    exposures: list[dict[str, Any]] = field(default_factory=list)
    totals: list[dict[str, Any]] = field(default_factory=list)
    rows: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    learned: int = 0

    def verdict(self) -> Verdict:
        names = ("raw", "made", "features", "lessons", "exposures", "totals", "rows", "learned")
        return judge(self.history, Stored(**{name: getattr(self, name) for name in names}), WINDOWS)

    def event(self, number: int, kind: str, item: str, at: int, **more: Any) -> None:
        event = Event(f"e{number}", "anna", kind, item, START + at, sent=1, accepted=True, **more)
        self.history.events[event.id] = event
        content = {name: value for name, value in event.body().items() if name != "user"}
        self.raw.append(Logged("A", 0, START + at, content))


@pytest.fixture
def world() -> World:
    world = World()
    answer = Answer("r1", "anna", ("cup", "mug"), {"tried": "x"}, is_recorded=True)
    world.history.answers["r1"] = answer
    items = [["cup", 1.0, "trending", False, []], ["mug", 0.5, "fresh", False, []]]
    world.made = [Logged("A", 0, START + 100, {"id": "r1", "items": items, "arms": {"tried": "x"}})]
    world.event(1, "purchase", "mug", 0, value=1.0)
    world.event(2, "impression", "cup", 200, recommendation="r1", position=0)
    world.event(3, "click", "cup", 300, recommendation="r1", position=0)
    world.event(4, "purchase", "mug", 400, value=2.0)
    world.event(5, "view", "cup", WINDOW + 500)
    lost = Event("e6", "bob", "view", "cup", START, sent=2, accepted=False)
    world.history.events["e6"] = lost
    world.raw += [
        Logged("B", 1, START + 5 + copy, {"id": "e6", "kind": "view", "item": "cup", "time": START}) for copy in (0, 1)
    ]
    counts = {"purchase": 2, "impression": 1, "click": 1, "view": 1}
    world.features = {"A": {"counts": counts, "revision": 5}, "B": {"counts": {"view": 1}, "revision": 1}}
    kinds = [("A", "purchase", "mug"), ("A", "click", "cup"), ("A", "purchase", "mug"), ("A", "view", "cup")]
    world.lessons = [{"subject": s, "interaction": k, "item": i} for s, k, i in [*kinds, ("B", "view", "cup")]]
    cup = {"recommendation": "r1", "subject": "A", "item": "cup", "seen": START + 200, "clicked": True, "reward": 1.5}
    mug = {"recommendation": "r1", "subject": "A", "item": "mug", "bought": True, "reward": 5.0}
    world.exposures = [cup, mug]
    sums = {
        "bought": [1, 1, 1, 1, 1, 1],
        "clicks": [1, 1, 1, 0, 0, 0],
        "revenue": [1, 200, 40_000, 100, 10_000, 20_000],
    }
    world.totals = [{"arm": "x", "enrolled": 1, "metrics": sums}]
    world.rows = Counter({("A", f"e{n}", "interaction"): 1 for n in range(1, 6)})
    world.rows.update({("A", "r1", "recommendation"): 1, ("B", "e6", "interaction"): 1})
    world.learned = 7
    return world


def test_a_good_world_passes(world: World) -> None:
    verdict = world.verdict()
    assert verdict.passed, verdict.summary()
    assert (verdict.people, verdict.sent, verdict.accepted, verdict.sent_again) == (2, 6, 5, 1)
    assert (verdict.in_kafka, verdict.copies, verdict.answers, verdict.exposures, verdict.enrolled) == (6, 1, 1, 2, 1)


def _lose(world: World) -> None:
    del world.raw[2]


def _count_twice(world: World) -> None:
    world.features["B"] = {"counts": {"view": 2}, "revision": 2}


def _learn_twice(world: World) -> None:
    world.lessons.append(world.lessons[0])


def _expose_twice(world: World) -> None:
    world.exposures.append(world.exposures[0])


def _miss_a_click(world: World) -> None:
    world.exposures[0]["clicked"] = False


def _measure_twice(world: World) -> None:
    world.totals[0]["metrics"]["revenue"][1] += 200


def _enrol_nobody(world: World) -> None:
    world.totals.clear()


def _enrol_a_stranger(world: World) -> None:
    world.totals.append({"arm": "y", "enrolled": 1, "metrics": {"bought": [1, 0, 0, 0, 0, 0]}})


def _miss_a_row(world: World) -> None:
    del world.rows["A", "e4", "interaction"]


def _skip_a_lesson(world: World) -> None:
    world.learned -= 1


def _make_up(world: World) -> None:
    world.raw.append(Logged("A", 0, START + 900, {"id": "e9", "kind": "view", "item": "cup", "time": START}))


def _change(world: World) -> None:
    world.raw[0].record["item"] = "jug"


def _split_a_person(world: World) -> None:
    world.raw[0] = replace(world.raw[0], subject="B")


def _lose_an_answer(world: World) -> None:
    world.made.clear()


def _deal_another_arm(world: World) -> None:
    record = {**world.made[0].record, "id": "r2", "items": [], "arms": {"tried": "y"}}
    world.made.append(replace(world.made[0], appended=START + 200, record=record))


@pytest.mark.parametrize(
    ("break_it", "kind"),
    [
        (_lose, "accepted and lost"),
        (_count_twice, "counts of features"),
        (_learn_twice, "lessons"),
        (_expose_twice, "exposure that is there twice"),
        (_miss_a_click, "exposures"),
        (_measure_twice, "sum of the experiment"),
        (_enrol_nobody, "sum of the experiment"),
        (_enrol_a_stranger, "sum of the experiment"),
        (_miss_a_row, "rows in Cassandra"),
        (_skip_a_lesson, "learned by the online model"),
        (_make_up, "never sent"),
        (_change, "other than it was sent"),
        (_split_a_person, "person with several subjects"),
        (_lose_an_answer, "recorded answer that is lost"),
        (_deal_another_arm, "person in several arms"),
    ],
)
def test_what_is_broken_is_found(world: World, break_it: Callable[[World], None], kind: str) -> None:
    break_it(world)
    assert kind in world.verdict().failures


def test_an_event_that_nobody_was_told_of_may_be_missing(world: World) -> None:
    world.raw = [each for each in world.raw if each.subject == "A"]
    del world.features["B"], world.rows["B", "e6", "interaction"], world.lessons[-1]
    world.learned -= 1
    assert world.verdict().passed


def test_what_comes_at_the_end_of_a_window_is_too_late(world: World) -> None:
    for at in (3, 2):
        world.raw[at] = replace(world.raw[at], appended=world.made[0].appended + WINDOW)
    found = exposures_of(world.made, world.raw, WINDOW)
    assert not found["r1", "cup"]["clicked"] and not found["r1", "mug"]["bought"]
    assert totals_of(world.made, world.raw, WINDOWS)["x"]["clicks"] == [1, 0, 0, 0]


def test_a_run_that_showed_measured_or_repeated_nothing_has_not_passed(world: World) -> None:
    outcome = Outcome(Plan.of(1, 2), world.verdict(), 1.0, 1.0, {}, {}, "the same", is_recomputed=True)
    assert outcome.passed
    none: list[dict[str, Any]] = [{figure: 0} for figure in ("exposures", "enrolled", "sent_again")]
    for each in none:
        empty = replace(outcome, verdict=replace(outcome.verdict, **each))
        assert empty.verdict.passed and not empty.passed
        assert "NOTHING WAS SHOWN" in described(empty)


def test_each_load_on_a_stack_has_an_experiment_of_its_own(tmp_path: Path) -> None:
    variables = environment_of(tmp_path / "experiments", "steady")
    (folder,) = {value for own in variables.values() for name, value in own.items() if name.endswith("_EXPERIMENTS")}
    targets = {each.name: each.target.surfaces for each in load_experiments(Path(folder))}
    assert {name: tuple(surfaces) for name, surfaces in targets.items()} == {SURFACE: (SURFACE,), "steady": ("steady",)}


@pytest.fixture
def threads_that_take_turns_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("threads_that_take_turns_often")
def test_events_are_counted_while_others_are_sent() -> None:
    history = History()

    def send() -> None:
        for number in range(10_000):
            history.events[str(number)] = Event(str(number), "anna", "view", "cup", START, accepted=True)

    sender, found = threading.Thread(target=send), [0]
    sender.start()
    while sender.is_alive():
        found.append(history.accepted)
    assert found == sorted(found)


def test_a_plan_takes_each_component_before_one_comes_again() -> None:
    plan = Plan.of(3, 2 * len(COMPONENTS))
    assert plan == Plan.of(3, 2 * len(COMPONENTS)) != Plan.of(4, 2 * len(COMPONENTS))
    first, second = plan.kills[: len(COMPONENTS)], plan.kills[len(COMPONENTS) :]
    assert {kill.component for kill in first} == {kill.component for kill in second} == set(COMPONENTS)
