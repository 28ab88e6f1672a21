"""The ranker and exploration: what they learn from what was shown, and what is served of it."""

import math
from collections.abc import Sequence
from random import Random

import msgspec
import numpy as np
import pytest

from headrace.interactions.records import Arm, RecommenderModel
from headrace.recommend.exploration import chosen_source
from headrace.recommend.exploration_learning import ExplorationLearning
from headrace.recommend.learner import Learner
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.policy import Exploration, Policy, SourceName
from headrace.recommend.ranker import Ranker
from headrace.recommend.ranker_learning import RankerLearning, RankerState
from headrace.recommend.ranking_features import FEATURES
from tests.unit.headrace.recommend.small_world import SITE, START, World, exposure, items, names


def answered(ranker: RankerLearning, made: int, rows: Sequence[Sequence[float]], turned_to: int | None) -> None:
    """One answer, of which one place, or none, was turned to."""
    for position, row in enumerate(rows):
        reward = float(position == turned_to)
        ranker.learn(exposure(position=position, reward=reward, features=tuple(row), made=made))


def chosen_by(random: Random, odds: Sequence[float]) -> int:
    return random.choices(range(len(odds)), [math.exp(each) for each in odds])[0]


def test_the_ranker_finds_what_makes_people_turn_to_an_item() -> None:
    random = Random(1)
    ranker = RankerLearning(LearnerSettings())
    for number in range(1_000):
        rows = [[random.random() for _ in FEATURES] for _ in range(5)]
        answered(ranker, number, rows, chosen_by(random, [4 * row[3] - 4 * row[5] for row in rows]))
    first = RankerLearning(LearnerSettings())
    assert ranker.weights[3] > first.weights[3] + 0.5
    assert ranker.weights[5] < first.weights[5] - 0.5


def test_how_often_people_turn_to_anything_says_nothing_of_what_they_turn_to() -> None:
    """All items of an answer share a feature that most answers with nothing of worth have."""
    random = Random(3)
    ranker = RankerLearning(LearnerSettings())
    for number in range(1_000):
        is_poor = random.random() < 0.5
        rows = [[float(is_poor), *(random.random() for _ in FEATURES[1:])] for _ in range(5)]
        answered(ranker, number, rows, None if is_poor else random.randrange(5))
    assert ranker.weights[0] == pytest.approx(RankerLearning(LearnerSettings()).weights[0], abs=0.01)


def test_an_answer_amid_another_is_learned_apart() -> None:
    """What two processes write may come mixed."""
    random = Random(4)
    ranker = RankerLearning(LearnerSettings())
    for number in range(1_000):
        rows = [[random.random() for _ in FEATURES] for _ in range(6)]
        place = chosen_by(random, [4 * row[3] for row in rows])
        for position, row in enumerate(rows):
            if position == 3:
                answered(ranker, 10_000 + number, [[0.0] * len(FEATURES)] * 2, None)
            ranker.learn(exposure(position=position, reward=float(position == place), features=tuple(row), made=number))
    assert ranker.weights[3] > RankerLearning(LearnerSettings()).weights[3] + 0.5


def test_an_item_isnt_held_to_be_better_for_having_been_in_a_better_place() -> None:
    """One feature marks what was mostly shown first: its place, not the item, made people turn to it."""
    random = Random(2)
    told, untold = RankerLearning(LearnerSettings()), RankerLearning(LearnerSettings())
    zeros = [0.0] * (len(FEATURES) - 1)
    for number in range(3_000):
        marked = float(random.random() < 0.8)
        rows = [[marked, *zeros], [1 - marked, *zeros]]
        place = int(random.random() < 0.2)
        answered(told, number, rows, place)
        # The same as if the two had been in the places by turns.
        answered(untold, number, rows[::-1] if number % 2 else rows, 1 - place if number % 2 else place)
    assert told.position_weights[0] == 0
    assert told.position_weights[1] < -0.7
    assert abs(told.weights[0]) < 0.75 * abs(untold.weights[0])


def test_what_waits_for_the_rest_of_its_answer_is_in_the_snapshot() -> None:
    random = Random(5)
    rows = [[random.random() for _ in FEATURES] for _ in range(4)]
    whole, halved = RankerLearning(LearnerSettings()), RankerLearning(LearnerSettings())
    answered(whole, 1, rows, 1)
    answered(halved, 1, rows[:2], 1)
    restored = RankerLearning(LearnerSettings())
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(halved.state()), type=RankerState))
    for position in (2, 3):
        restored.learn(exposure(position=position, features=tuple(rows[position]), made=1))
    for ranker in (whole, restored):
        answered(ranker, 2, rows, None)
    assert restored.weights == whole.weights != RankerLearning(LearnerSettings()).weights
    assert restored.state() == whole.state()


def test_exposures_with_other_features_or_no_numbers_are_skipped() -> None:
    ranker = RankerLearning(LearnerSettings())
    before = ranker.weights
    ranker.learn(exposure(features=(1.0,)))
    for absurd in (float("nan"), float("inf"), 1e300):
        ranker.learn(exposure(features=(absurd,) * len(FEATURES)))
    assert (ranker.weights, ranker.skipped) == (before, 4)


def test_what_nobody_saw_counts_less() -> None:
    seen, unseen = RankerLearning(LearnerSettings()), RankerLearning(LearnerSettings())
    features = (1.0,) * len(FEATURES)
    for _ in range(2):
        seen.learn(exposure(features=features))
        unseen.learn(exposure(features=features, seen=None))
    assert seen.intercept < unseen.intercept


def test_weights_are_served_by_name() -> None:
    model = RecommenderModel(SITE, 1, START, 1, features=("gone", FEATURES[2]), weights=(9.0, 3.0), intercept=1.0)
    row = np.zeros((1, len(FEATURES)))
    row[0, 2] = 2.0
    assert Ranker(model).scores(row).tolist() == [7.0]


def test_what_was_learned_changes_the_order() -> None:
    world = World([*items("a"), *items("b", created=START)])
    world.does("x", "a", "b")
    world.does("y", "b")
    world.does("z", "b")
    assert names(world.ask()) == ["b", "a"]
    liked = {item.item: item.features for item in world.ask().items}
    for number in range(300):
        for place, item in enumerate("ab" if number % 2 else "ba"):
            reward = float(item == "a")
            world.learner.learn_exposure(exposure(item, place, reward, features=liked[item], made=number))
    world.publish()
    assert names(world.ask()) == ["a", "b"]


def test_an_answer_tells_what_it_was_ranked_by_in_few_bytes() -> None:
    world = World(items(*(f"i{number}" for number in range(20))))
    for number in range(19):
        world.does(f"p{number}", f"i{number}", f"i{number + 1}")
    world.does("me", "i3", "i9")
    told = [each for item in world.ask("me").items for each in item.features]
    assert sum(each not in (0.0, 1.0) for each in told) > 20
    assert max(len(f"{abs(each)}") for each in told) <= len("0.123456")


def test_the_cost_of_exploration_is_compared_place_by_place() -> None:
    learning = ExplorationLearning()
    for _ in range(10):
        learning.learn(exposure(position=0, reward=5.0))
        learning.learn(exposure(position=1, reward=1.0))
    for each in range(10):
        learning.learn(exposure(position=1, reward=float(each < 5), explored=True, source="fresh"))
    assert learning.cost == pytest.approx(0.5)
    assert learning.explored == 10
    assert learning.arms == (Arm("fresh", 6.0, 6.0),)


def test_a_source_that_changes_is_found_out() -> None:
    learning, never, always = ExplorationLearning(), exposure(explored=True), exposure(explored=True, reward=1.0)
    for _ in range(30_000):
        learning.learn(never)
    for _ in range(10_000):
        learning.learn(always)
    (arm,) = learning.arms
    assert arm.successes > arm.failures
    assert arm.successes + arm.failures <= 10_000


def test_the_bandit_prefers_the_source_that_brought_more() -> None:
    model = RecommenderModel(SITE, 1, START, 1, arms=(Arm("fresh", 90.0, 10.0), Arm("content", 10.0, 90.0)))
    exploration = Exploration(sources=("content", "fresh", "sessions"))
    offers: dict[SourceName, list[int]] = {"fresh": [1], "content": [2], "sessions": []}
    random = Random(3)
    assert {chosen_source(exploration, model, offers, random) for _ in range(50)} == {"fresh"}
    assert chosen_source(exploration, model, {}, random) is None


def test_explored_places_come_as_often_as_the_policy_says_and_from_the_sources_it_names() -> None:
    world = World(items(*(f"i{number}" for number in range(20))))
    for number in range(10):
        world.does(f"p{number}", f"i{number}")
    policy = Policy(
        sources={"trending": 50, "fresh": 50}, exploration=Exploration(rate=0.5, first_place=2, sources=("fresh",))
    )
    answers = [world.ask(seed=seed, policy=policy) for seed in range(200)]
    explored = [(place, item) for answer in answers for place, item in enumerate(answer.items) if item.explored]
    assert 70 < len(explored) < 130
    assert {item.source for _, item in explored} == {"fresh"}
    assert min(place for place, _ in explored) == 2
    assert all(len(set(names(answer))) == 5 for answer in answers)


def test_each_new_item_is_got_to_know_not_the_newest_alone() -> None:
    world = World([*items(*(f"old{number}" for number in range(8))), *items("x", "y", "z", created=START)])
    for number in range(8):
        world.does(f"p{number}", *(f"old{each}" for each in range(8)))
    policy = Policy(sources={"trending": 8, "fresh": 3}, exploration=Exploration(rate=1.0, sources=("fresh",)))
    answers = [world.ask(seed=seed, policy=policy) for seed in range(60)]
    shown = {item.item for answer in answers for item in answer.items if item.explored}
    assert shown == {"x", "y", "z"}


def test_the_same_question_has_the_same_answer() -> None:
    world = World(items("a", "b", "c", "d", "e", "f"))
    world.does("me", "a", "b")
    policy = Policy(exploration=Exploration(rate=1.0))
    assert world.ask("me", seed=5, policy=policy) == world.ask("me", seed=5, policy=policy)


def test_exploration_learned_is_published() -> None:
    learner = Learner(SITE)
    learner.learn_exposure(exposure(reward=1.0, explored=True, source="fresh"))
    learner.learn_exposure(exposure(reward=0.0))
    model, _ = learner.publish(1, START, 10)
    assert (model.explored, model.cost, model.learned) == (1, -1.0, 2)
