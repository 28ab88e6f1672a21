"""The online model on a real Kafka: in the end it is what a plain computation gives, whatever is killed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from headrace.interactions.records import Exposure, ItemModel, Lesson, Recent, RecommenderModel
from headrace.recommend.learner import Learner
from headrace.recommend.ranking_features import FEATURES
from headrace.testing import wait_until
from tests.integration.process_interactions.learning_process import LearningProcess, learning_process
from tests.unit.process_interactions.learning_driver import T0, exposure, lesson

RECORDS = 4_000
ITEMS = 150
KILLS = 1
SECOND = 1_000_000


@pytest.fixture
def learning(stack: Stack, tmp_path: Path) -> Iterator[LearningProcess]:
    with learning_process(stack.brokers, tmp_path) as process:
        yield process


def records(site: str, seed: int) -> list[Lesson | Exposure]:
    """What 40 people do, and what came of what they were shown."""
    numbers = random.Random(seed)
    seen: dict[int, list[Recent]] = {}
    made: list[Lesson | Exposure] = []
    for at in range(RECORDS):
        item, time_us = f"i{int(ITEMS * numbers.random() ** 2)}", T0 + at * SECOND
        if numbers.random() < 0.2:
            features = tuple(numbers.gauss(0, 1) for _ in FEATURES)
            came = {"explored": numbers.random() < 0.3, "clicked": numbers.random() < 0.2}
            made.append(exposure(item, site=site, features=features, position=numbers.randrange(5), **came))
            continue
        before = seen.setdefault(numbers.randrange(40), [])
        is_new = all(each.item != item for each in before)
        made.append(lesson(item, site=site, time=time_us, is_new=is_new, recents=tuple(before)))
        before[:] = [*(each for each in before if each.item != item), Recent(item, "view", time_us, 1.0)][-50:]
    return made


def plain(
    site: str, taught: list[Lesson | Exposure], version: RecommenderModel
) -> tuple[RecommenderModel, list[ItemModel]]:
    """The same version, made in this process from all that was taught, in order."""
    learner = Learner(site)
    for record in taught:
        if isinstance(record, Lesson):
            learner.learn(record)
        else:
            learner.learn_exposure(record)
    learner.change_all()
    return learner.publish(version.version, version.published, RECORDS)


@pytest.mark.parametrize("seed", [7])
def test_kills_amid_learning_change_nothing_of_the_model(learning: LearningProcess, seed: int) -> None:
    numbers = random.Random(seed)
    taught = records(learning.site, seed)
    settings = {"SNAPSHOT_ENTRIES": "700", "PUBLISH_EVERY_S": "0.2", "PUBLISH_ROWS": "40"}
    learning.start(**settings)
    sent = 0
    for _ in range(KILLS):
        part = taught[sent : sent + RECORDS // (KILLS + 1)]
        sent += len(part)
        learning.send(part)
        learning.wait_for_learned(sent - len(part) + numbers.randint(1, len(part) // 2))
        learning.kill()
        learning.start(**settings)
    learning.send(taught[sent:])
    learning.wait_for_learned(RECORDS)
    assert learning.stop() == 0

    learning.start(REPUBLISH="all")
    # What was published before may lack rows that still waited.
    known = len(plain(learning.site, taught, learning.versions()[-1])[1])
    wait_until(lambda: len(last_rows(learning)) == known, "the whole model in one version", 60, every=0.2)
    versions = learning.versions()
    model, rows = plain(learning.site, taught, versions[-1])
    assert versions[-1] == model
    assert {row.item: row for row in last_rows(learning)} == {row.item: row for row in rows}
    assert model.learned == RECORDS
    assert len(rows) > 0.9 * ITEMS
    metrics = learning.metrics()
    assert "headrace_learning_waiting_rows" in metrics
    assert (
        f'headrace_learning_model_learned{{service="process_interactions",site="{learning.site}"}} {RECORDS}.0'
        in metrics
    )
    assert learning.stop() == 0
    numbers_of = [each.version for each in versions]
    assert numbers_of == sorted(set(numbers_of)), "versions go forward"


def last_rows(learning: LearningProcess) -> list[ItemModel]:
    """Those of the newest version."""
    version = max((each.version for each in learning.versions()), default=0)
    return [row for row in learning.rows() if row.version == version]
