"""The ranker and exploration: what they learn from what was shown, and what is served of it."""

from random import Random

import numpy as np
import pytest

from headrace.interactions.records import Arm, RecommenderModel
from headrace.recommend.exploration import chosen_source
from headrace.recommend.exploration_learning import ExplorationLearning
from headrace.recommend.learner import Learner
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.policy import Exploration, Policy, SourceName
from headrace.recommend.ranker import Ranker
from headrace.recommend.ranker_learning import RankerLearning
from headrace.recommend.ranking_features import FEATURES
from tests.unit.headrace.recommend.small_world import SITE, START, World, exposure, items, names


def test_the_ranker_finds_what_makes_people_turn_to_an_item() -> None:
    random = Random(1)
    ranker = RankerLearning(LearnerSettings())
    for _ in range(4_000):
        features = [random.random() for _ in FEATURES]
        turned_to = random.random() < 1 / (1 + np.exp(-(4 * features[3] - 4 * features[5] - 1)))
        ranker.learn(exposure(reward=float(turned_to), features=tuple(features)))
    first = RankerLearning(LearnerSettings())
    assert ranker.weights[3] > first.weights[3] + 0.5
    assert ranker.weights[5] < first.weights[5] - 0.5


def test_an_item_isnt_held_to_be_better_for_having_been_in_a_better_place() -> None:
    """One feature marks what was mostly shown first: its place, not the item, made people turn to it."""
    random = Random(2)
    told, untold = RankerLearning(LearnerSettings()), RankerLearning(LearnerSettings())
    zeros = [0.0] * len(FEATURES)
    for number in range(6_000):
        position = number % 2
        features = (float(random.random() < (0.8 if position == 0 else 0.2)), *zeros[1:])
        turned_to = random.random() < (0.5 if position == 0 else 0.1)
        told.learn(exposure(position=position, reward=float(turned_to), features=features))
        untold.learn(exposure(position=0, reward=float(turned_to), features=features))
    assert told.position_weights[0] == 0
    assert told.position_weights[1] < -0.7
    assert abs(told.weights[0]) < 0.75 * abs(untold.weights[0])


def test_exposures_with_other_features_or_no_numbers_are_skipped() -> None:
    ranker = RankerLearning(LearnerSettings())
    before = ranker.weights
    ranker.learn(exposure(features=(1.0,)))
    ranker.learn(exposure(features=(float("nan"),) * len(FEATURES)))
    assert (ranker.weights, ranker.skipped) == (before, 2)


def test_what_nobody_saw_counts_less() -> None:
    seen, unseen = RankerLearning(LearnerSettings()), RankerLearning(LearnerSettings())
    features = (1.0,) * len(FEATURES)
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
    for _ in range(300):
        world.learner.learn_exposure(exposure("b", features=liked["b"]))
        world.learner.learn_exposure(exposure("a", features=liked["a"], reward=1.0))
    world.publish()
    assert names(world.ask()) == ["a", "b"]


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
