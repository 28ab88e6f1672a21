"""Drives the stage "learning" without a broker: lessons and exposures in, versions of the model out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from headrace.interactions.records import (
    EXPOSURES,
    ITEM_MODELS,
    LESSONS,
    RECOMMENDERS,
    Exposure,
    ItemModel,
    Lesson,
    Recent,
    RecommenderModel,
)
from headrace.records import decode, encode, headers_of
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from process_interactions.learning.limits import LearningLimits
from process_interactions.learning.rules import LearningRules
from process_interactions.learning.state import LearningState
from process_interactions.topology import LEARNING_CHANGELOG, learning_stage
from tests.unit.process_interactions.order_learner import SCHEMA, OrderLearner

SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND


def lesson(
    item: str | None = "a", before: Iterable[str] = (), recents: tuple[Recent, ...] | None = None, **changes: Any
) -> Lesson:
    """Somebody viewed an item after others, which are given by name, or as they are kept."""
    fields: dict[str, Any] = {
        "site": "main",
        "subject": "s" * 22,
        "time": T0,
        "kind": "interaction",
        "item": item,
        "weight": 1.0,
        "interaction": "view",
        "before": recents or tuple(Recent(each, "view", T0 - SECOND, 1.0) for each in before),
        **changes,
    }
    return Lesson(**fields)


def exposure(item: str = "a", **changes: Any) -> Exposure:
    """An item that was shown in the first place."""
    fields: dict[str, Any] = {
        "recommendation": "r",
        "site": "main",
        "subject": "s" * 22,
        "surface": "home",
        "item": item,
        "position": 0,
        "source": "trending",
        "explored": False,
        "features": (0.5, -1.0),
        "made": T0,
        "closed": T0 + 60 * SECOND,
        "arms": {"e": "control"},
        **changes,
    }
    return Exposure(**fields)


def some_records(count: int, seed: int = 1, sites: int = 2, items: int = 12) -> list[Lesson | Exposure]:
    """Lessons, exposures and now and then an erasure."""
    numbers = random.Random(seed)
    names = [f"i{number}" for number in range(items)]

    def one(at: int) -> Lesson | Exposure:
        site, time = f"site{numbers.randrange(sites)}", T0 + at
        before = numbers.sample(names, numbers.randint(0, 3))
        if numbers.random() < 0.3:
            features = (numbers.random(), numbers.gauss(0, 1))
            return exposure(numbers.choice(names), site=site, features=features, clicked=numbers.random() < 0.2)
        if numbers.random() < 0.05:
            return lesson(None, before, site=site, kind="forget", interaction=None, weight=0.0)
        return lesson(numbers.choice(names), before, site=site, time=time, weight=numbers.random())

    return [one(at) for at in range(count)]


MakeRules = Callable[..., LearningRules]
Step = tuple[int, int, str]
"""How many records are processed, in batches of which size, and what happens then: a checkpoint, a crash or both."""
STEPS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from([1, 7, 1_000]),
        st.sampled_from(["", "checkpoint", "crash", "checkpoint, crash"]),
    ),
    max_size=8,
)


def order_rules(limits: LearningLimits | None, republish: str = "", schema: str = SCHEMA) -> LearningRules:
    """A learner of which everything depends on everything before."""
    return LearningRules(OrderLearner, schema, limits, republish=republish)


class LearningDriver:
    """One task of learning; `rules` takes `limits` and `republish`."""

    def __init__(self, limits: LearningLimits | None = None, rules: MakeRules = order_rules) -> None:
        self._make_rules, self._limits = rules, limits
        self._start("")

    def _start(self, republish: str) -> None:
        self.rules = self._make_rules(limits=self._limits, republish=republish)
        self.driver = TopologyDriver(Topology("interactions", (learning_stage(self.rules),)), 1, T0)

    def start_again(self, republish: str = "", limits: LearningLimits | None = None) -> None:
        """Another process with these settings goes on."""
        kafka = self.driver.kafka
        self._limits = limits or self._limits
        self._start(republish)
        self.driver.kafka = kafka
        self.driver.crash()

    def send(self, records: Iterable[Lesson | Exposure], every_s: float = 0.0) -> None:
        """Appends records, each so many seconds after the one before."""
        for record in records:
            self.driver.advance(every_s)
            topic = LESSONS if isinstance(record, Lesson) else EXPOSURES
            self.driver.send(topic, record.subject.encode(), encode(record), headers_of(record))

    def learn(self, records: Iterable[Lesson | Exposure], every_s: float = 0.0) -> None:
        self.send(records, every_s)
        self.driver.run()

    def learn_with_faults(self, records: Sequence[Lesson | Exposure], every_s: float, steps: Sequence[Step]) -> None:
        """Learns some records in each step and the others at the end."""
        at = 0
        for count, size, faults in steps:
            self.send(records[at : at + count], every_s)
            at += count
            self.driver.process(size)
            if "checkpoint" in faults:
                self.driver.checkpoint()
            if "crash" in faults:
                self.compact_changelog()
                self.driver.crash()
        self.learn(records[at:], every_s)

    def compact_changelog(self) -> None:
        """Leaves the last record of each key, as the broker does in time, which changes their order."""
        log = self.driver.kafka.log(LEARNING_CHANGELOG, 0)
        last = {record.key: record.offset for record in log.records}
        log.records = [record for record in log.records if last[record.key] == record.offset]

    @property
    def state(self) -> LearningState:
        state = self.driver.state("learning", 0)
        assert isinstance(state, LearningState)
        return state

    def versions(self) -> list[RecommenderModel]:
        found = [decode(each.value, each.headers) for each in self.driver.outputs(RECOMMENDERS)]
        return [each for each in found if isinstance(each, RecommenderModel)]

    def rows(self) -> list[ItemModel]:
        rows = [each for each in self.driver.outputs(ITEM_MODELS) if each.value is not None]
        found = [decode(each.value, each.headers) for each in rows]
        return [each for each in found if isinstance(each, ItemModel)]

    def written(self) -> list[tuple[str, bytes | None, bytes | None]]:
        """All that was published, in order."""
        return [
            (topic, each.key, each.value)
            for topic in (ITEM_MODELS, RECOMMENDERS)
            for each in self.driver.outputs(topic)
        ]
