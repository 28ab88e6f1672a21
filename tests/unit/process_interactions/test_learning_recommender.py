"""The recommender's learner under the stage: it goes on to the bit, whatever is killed, and takes an erasure back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from headrace.interactions.records import ITEM_MODELS, Exposure, ItemModel, Lesson, Recent
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.ranking_features import FEATURES
from process_interactions.learning.limits import LearningLimits
from process_interactions.learning.recommender_rules import recommender_rules
from tests.unit.process_interactions.learning_driver import (
    SECOND,
    STEPS,
    T0,
    LearningDriver,
    Step,
    exposure,
    lesson,
)

SMALL = LearningLimits(SECOND, publish_rows=8, snapshot_entries=23, snapshot_every_us=30 * SECOND)
ITEMS = 40


def people(count: int, seed: int = 1) -> list[Lesson | Exposure]:
    """What some people do, one after another, with what came of what they were shown."""
    numbers = random.Random(seed)
    seen: dict[int, list[Recent]] = {person: [] for person in range(6)}
    records: list[Lesson | Exposure] = []
    for at in range(count):
        before, time = seen[numbers.randrange(6)], T0 + at * SECOND
        item = f"i{int(ITEMS * numbers.random() ** 2)}"
        if numbers.random() < 0.25:
            records += answer(item, time, numbers)
        else:
            is_new = all(each.item != item for each in before)
            records.append(lesson(item, recents=tuple(before), time=time, is_new=is_new))
            before[:] = [*(each for each in before if each.item != item), Recent(item, "view", time, 1.0)][-50:]
        if numbers.random() < 0.02 and before:
            records.append(forget(tuple(before), time=time))
            before.clear()
    return records


def answer(item: str, made: int, numbers: random.Random) -> Iterator[Exposure]:
    """What came of an answer's items."""
    for position, shown in enumerate((item, "i0", "i1")):
        features = tuple(numbers.gauss(0, 1) for _ in FEATURES)
        explored, clicked = numbers.random() < 0.3, numbers.random() < 0.3
        source = numbers.choice(["trending", "together"])
        yield exposure(
            shown, position=position, made=made, features=features, explored=explored, clicked=clicked, source=source
        )


def forget(own: tuple[Recent, ...], time: int = T0) -> Lesson:
    """What an erased person's items taught is to be taken back."""
    return lesson(None, recents=own, kind="forget", interaction=None, weight=0.0, time=time)


RECORDS = people(200)


def driver_of(limits: LearningLimits = SMALL) -> LearningDriver:
    return LearningDriver(limits, rules=recommender_rules)


def finish(driver: LearningDriver) -> LearningDriver:
    """Goes on, and publishes every row once more, so that all of them are compared."""
    driver.start_again(republish="all", limits=replace(SMALL, publish_rows=1_000))
    driver.learn(people(20, seed=3), 0.3)
    return driver


@cache
def undisturbed() -> LearningDriver:
    driver = driver_of()
    driver.learn(RECORDS, 0.21)
    return finish(driver)


def test_there_is_something_to_compare() -> None:
    whole = undisturbed()
    rows = newest(whole)
    assert len(rows) == len(whole.state) > 30
    assert sum(bool(row.neighbours and row.vector) for row in rows.values()) > 30
    assert len(whole.versions()) > 20
    assert whole.versions()[-1].weights != whole.versions()[0].weights


@settings(max_examples=12)
@given(STEPS, st.sampled_from([7, 50, 10_000]))
def test_neither_batches_nor_crashes_nor_snapshots_change_anything(steps: list[Step], entries: int) -> None:
    broken = driver_of(replace(SMALL, snapshot_entries=entries))
    broken.learn_with_faults(RECORDS, 0.21, [*steps, (50, 10, "checkpoint, crash")])
    broken.compact_changelog()
    assert finish(broken).written() == undisturbed().written()


def test_an_erasure_takes_back_what_a_person_taught() -> None:
    with_person, without = driver_of(), driver_of()
    own = tuple(Recent(item, "view", T0, 1.0) for item in ("secret", "i1", "i2"))
    with_person.learn([lesson("secret", is_new=True), lesson("i1", ["secret"], is_new=True)])
    with_person.learn([lesson("i2", ["secret", "i1"], is_new=True)])
    for each in (with_person, without):
        each.driver.idle(5.0)
        each.learn([lesson("i3", ["i4"], is_new=True)])
    with_person.learn([forget(own)])
    with_person.driver.crash()
    for each in (with_person, without):
        each.driver.idle(5.0)
        each.driver.checkpoint()
    left, other = newest(with_person), newest(without)
    assert left["secret"].count == 0.0
    assert left["secret"].neighbours == left["i1"].neighbours == ()
    assert left["i3"].neighbours == other["i3"].neighbours != ()


def test_an_item_that_is_let_go_is_said_to_be_gone_and_leaves_the_topic() -> None:
    few = LearnerSettings(items_kept=20)
    driver = LearningDriver(SMALL, rules=lambda **given: recommender_rules(settings=few, **given))
    driver.learn([lesson(f"i{number}", time=T0 + number, is_new=True) for number in range(60)], every_s=1.0)
    driver.driver.idle(5.0)
    driver.driver.checkpoint()
    written = driver.driver.outputs(ITEM_MODELS)
    left = {each.key for each in written if each.value is not None} - {each.key for each in written if not each.value}
    assert len(left) <= 21 and b"main/i0" not in left and b"main/i59" in left
    first = [each.value for each in written if each.key == b"main/i0"]
    assert len(first) == 3 and first[2] is None and newest(driver)["i0"].count == 0


def newest(driver: LearningDriver) -> dict[str, ItemModel]:
    return {row.item: row for row in driver.rows()}


def test_many_waiting_rows_fit_the_changelog() -> None:
    driver = driver_of(LearningLimits(3_600 * SECOND, snapshot_entries=6_000))
    names = [f"{'long-name-' * 30}{number}" for number in range(6_000)]
    driver.learn([lesson(name) for name in names])
    assert driver.rules.counts.snapshots == 1
    assert driver.rules.counts.snapshot_bytes > 2_000_000
    waiting = driver.rules.counts.waiting_rows
    driver.driver.crash()
    driver.learn([lesson("last")])
    assert driver.rules.counts.waiting_rows == waiting + 1 > 5_990


def test_other_settings_make_what_was_learned_void() -> None:
    driver = driver_of()
    driver.learn([lesson()])
    other = LearningDriver(
        SMALL, rules=lambda **given: recommender_rules(settings=LearnerSettings(negatives=1), **given)
    )
    other.driver.kafka = driver.driver.kafka
    with pytest.raises(ConfigurationError, match="learning/1 recommender/1"):
        other.driver.crash()
