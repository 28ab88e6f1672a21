"""How fast the online model is learned, and what a restart costs: `make bench NAME=learning`.

The stage "learning" of process_interactions under the test driver, without Kafka: lessons and exposures of made-up
people in, versions of the model out, a checkpoint each 1,000 records. It is warmed up with as many records as it takes
to know most items. Beside it runs the same stage with a learner that learns nothing: that is what decoding, the
journal and the engine cost. A restart is a snapshot and a full journal. Seconds are of this process's CPU, which does
one thing at a time.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.interactions.records import (
    EXPOSURES,
    ITEM_MODELS,
    LESSONS,
    Exposure,
    ItemModel,
    Lesson,
    Recent,
    RecommenderModel,
)
from headrace.recommend.ranking_features import FEATURES
from headrace.records import encode, headers_of
from headrace.streams.batch import Cell, Cells
from headrace.streams.memory import MemoryKafka
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from loadtest import results
from process_interactions.learning.limits import LearningLimits
from process_interactions.learning.recommender_rules import recommender_rules
from process_interactions.learning.rules import LearningRules
from process_interactions.topology import LEARNING_CHANGELOG, learning_stage

ROOT = Path(__file__).resolve().parents[1]
BATCH = 1_000
PER_SECOND = 5_000
"""Records in a second of append time."""
SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND
BEFORE = 50


class Nothing:
    """Learns nothing; implements `SiteLearner`."""

    def __init__(self, site: str) -> None:
        self._site = site
        self.waiting = 0

    def __len__(self) -> int:
        return 0

    def learn(self, lesson: Lesson) -> None:
        """Looks at nothing."""

    def learn_exposure(self, exposure: Exposure) -> None:
        """Looks at nothing."""

    def publish(self, version: int, now: int, most: int) -> tuple[RecommenderModel, list[ItemModel]]:
        """An empty version."""
        return RecommenderModel(self._site, version, now, 0), []

    def pass_over(self, version: int, most: int) -> None:
        """Nothing waits."""

    def change_all(self) -> None:
        """Nothing is there."""

    def take_changes(self) -> Iterable[Cell]:
        """None."""
        return ()

    def restore(self, cells: Cells) -> None:
        """Nothing was kept."""


@dataclass
class People:
    """Who turns to items by their popularity, 1 / rank, and repeats one in ten times.

    Args:
        exposures: share of records that are exposures.
    """

    items: int
    people: int = 1_000
    exposures: float = 0.2
    seed: int = 1
    seen: dict[int, list[Recent]] = field(default_factory=dict)

    def records(self, count: int) -> Iterator[Lesson | Exposure]:
        """What they do next."""
        numbers = random.Random(self.seed)
        for at in range(count):
            item = f"item-{int(self.items ** numbers.random()) - 1:06d}"
            person, time_us = numbers.randrange(self.people), T0 + at * SECOND // PER_SECOND
            if numbers.random() < self.exposures:
                yield self._exposure(numbers, item, time_us)
            else:
                yield self._lesson(self.seen.setdefault(person, []), item, time_us)

    def _lesson(self, before: list[Recent], item: str, time_us: int) -> Lesson:
        is_new = all(each.item != item for each in before)
        lesson = Lesson(
            "main", "s" * 22, time_us, "interaction", item, 1.0, "view", tuple(before[-BEFORE:]), is_new=is_new
        )
        before[:] = [*(each for each in before if each.item != item), Recent(item, "view", time_us, 1.0)][-BEFORE:]
        return lesson

    def _exposure(self, numbers: random.Random, item: str, time_us: int) -> Exposure:
        features = tuple(numbers.random() for _ in FEATURES)
        explored, clicked = numbers.random() < 0.1, numbers.random() < 0.1
        place, source = numbers.randrange(10), numbers.choice(["trending", "together", "sessions"])
        return Exposure(
            "r" * 22,
            "main",
            "s" * 22,
            "home",
            item,
            place,
            source,
            explored,
            features,
            time_us,
            time_us,
            seen=time_us,
            clicked=clicked,
        )


def driver_of(rules: LearningRules, kafka: MemoryKafka | None = None) -> TopologyDriver:
    """One task; on what another one wrote, where that is given."""
    driver = TopologyDriver(Topology("learning", (learning_stage(rules),)), 1, T0)
    if kafka is not None:
        driver.kafka = kafka
    return driver


def send(driver: TopologyDriver, records: Iterable[Lesson | Exposure], first: int) -> int:
    """Appends them `PER_SECOND`; returns how many are lessons."""
    lessons = 0
    for at, record in enumerate(records, first):
        topic = LESSONS if isinstance(record, Lesson) else EXPOSURES
        lessons += topic == LESSONS
        driver.send(topic, b"s", encode(record), headers_of(record), at_us=T0 + at * SECOND // PER_SECOND)
    return lessons


def run(driver: TopologyDriver) -> float:
    """CPU seconds until all is processed; inputs are processed in runs of one topic, as they come from Kafka."""
    begin = time.process_time()
    driver.run(BATCH)
    return time.process_time() - begin


def in_runs(records: list[Lesson | Exposure]) -> Iterator[Lesson | Exposure]:
    """Each `BATCH` of them by topic, as a consumer gives them."""
    for begin in range(0, len(records), BATCH):
        yield from sorted(records[begin : begin + BATCH], key=lambda record: isinstance(record, Exposure))


def measure(items: int, warm: int, count: int) -> dict[str, Any]:
    """All figures of one run."""
    records = list(in_runs(list(People(items).records(warm + count))))
    empty = driver_of(LearningRules(Nothing, "nothing/1"))
    lessons = send(empty, records[warm:], warm)
    empty_s = run(empty)

    rules = recommender_rules()
    driver, counts = driver_of(rules), rules.counts
    send(driver, records[:warm], 0)
    run(driver)
    before = driver.progress.changelog_bytes
    counts.publications = counts.published_rows = counts.snapshots = counts.snapshot_cells = counts.snapshot_bytes = 0
    counts.snapshot_seconds = 0.0
    send(driver, records[warm:], warm)
    seconds = run(driver)
    rows = [len(row.value or b"") for row in driver.outputs(ITEM_MODELS)[-1_000:]]
    figures = {
        "items_known": len(driver.state("learning", 0)),
        "lessons": lessons,
        "exposures": count - lessons,
        "records_per_cpu_second": count / seconds,
        "cpu_us_per_record": seconds / count * 1e6,
        "cpu_us_per_record_without_learning": empty_s / count * 1e6,
        "changelog_bytes_per_record": (driver.progress.changelog_bytes - before) / count,
        "publications": counts.publications,
        "rows_per_publication": counts.published_rows / max(counts.publications, 1),
        "bytes_per_row": sum(rows) / len(rows),
        "snapshots": counts.snapshots,
        "snapshot_seconds": counts.snapshot_seconds / max(counts.snapshots, 1),
        "snapshot_cells": counts.snapshot_cells / max(counts.snapshots, 1),
        "snapshot_megabytes": counts.snapshot_bytes / max(counts.snapshots, 1) / 1e6,
    }
    return figures | restart(driver, records, LearningLimits().snapshot_entries - 50 - counts.journal_entries)


def restart(driver: TopologyDriver, records: list[Lesson | Exposure], missing: int) -> dict[str, float]:
    """Starts again on what the changelog holds, with as many more records in the journal."""
    send(driver, records[-missing:], len(records))
    run(driver)
    last = {record.key: record.value for record in driver.outputs(LEARNING_CHANGELOG)}
    cells = [value for value in last.values() if value is not None]
    rules = recommender_rules()
    again = driver_of(rules, driver.kafka)
    begin = time.process_time()
    again.crash()
    return {
        "restart_seconds": time.process_time() - begin,
        "restart_of_which_state_seconds": rules.counts.restore_seconds,
        "restart_relearned": rules.counts.relearned,
        "restart_cells": len(cells),
        "restart_megabytes": sum(map(len, cells)) / 1e6,
    }


def main() -> None:
    """Measures, prints and writes results/learning.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--warm", type=int, default=100_000, help="records before the clock starts")
    parser.add_argument("--records", type=int, default=40_000, help="records that are measured")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = [measure(options.items, options.warm, options.records) for _ in range(options.rounds)]
    figures = {name: results.spread([one[name] for one in found]) for name in found[0]}
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<40}{value['median']:>16,.3f}")
    path = results.write("learning", "make bench NAME=learning", {**vars(options), **figures})
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
