"""Answers over a small shop in memory: all is real but Kafka and Cassandra."""

import asyncio
from dataclasses import dataclass, field

import msgspec
from prometheus_client import CollectorRegistry

from headrace.clock import Clock
from headrace.errors import DeliveryError, TransientError
from headrace.experiments.experiments import Experiments
from headrace.interactions.records import Item, ItemModel, Recent, Recommendation, RecommenderModel, UserFeatures
from headrace.recommend.policy import Policies
from headrace.records import encode
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.subject import Subject
from headrace.testing import FakeClock
from serve_api.recommendations.answering import Answering
from serve_api.recommendations.followed_state import FollowedState
from serve_api.recommendations.live_watchers import LiveWatchers
from serve_api.recommendations.metrics import RecommendationMetrics
from serve_api.recommendations.people import People
from serve_api.recommendations.policies import AnswerPolicies
from serve_api.recommendations.recorder import Recorder
from serve_api.recommendations.sites import Sites
from serve_api.recommendations.users import Users

SITE = "default"


@dataclass
class Kafka:
    """Stands for the confirmed writer: `is_away` leaves records unconfirmed, `is_full` refuses them."""

    is_away: bool = False
    takes_s: float = 0.0
    is_full: bool = False
    written: list[bytes] = field(default_factory=list)

    async def write(self, topic: str, value: bytes, key: bytes, headers: object) -> None:
        if self.is_full:
            raise DeliveryError(1, ())
        self.written.append(value)
        if self.is_away:
            await asyncio.Event().wait()
        await asyncio.sleep(self.takes_s)


@dataclass
class Table:
    """Stands for the table of subjects; `hangs` and `is_away` are Cassandra's ways to be away."""

    hangs: bool = False
    is_away: bool = False
    asked: int = 0
    remembered: set[str] = field(default_factory=set)

    def known(self, site: str, name: str) -> Subject | None:
        return Subject(name, b"") if name in self.remembered else None

    async def subject_of(self, site: str, name: str) -> Subject:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_away:
            raise TransientError("away")
        return Subject(name, b"")


class Shop:
    """A site with some items of two categories, the first the most popular.

    Attributes:
        registry: what its metrics are in.

    Args:
        is_read: whether the topics count as read.
    """

    def __init__(
        self, experiments: Experiments | None = None, clock: Clock | None = None, *, is_read: bool = True
    ) -> None:
        self.clock = clock or FakeClock()
        self.kafka, self.table = Kafka(), Table()
        self.registry = CollectorRegistry()
        self.metrics = RecommendationMetrics(self.registry)
        self.watchers = LiveWatchers(2, self.metrics.live_clients)
        self.users, self.sites = Users(1 << 20), Sites(100)
        self.erased = ErasedSubjects("127.0.0.1:1")
        self.state = FollowedState(
            "127.0.0.1:1", self.users, self.sites, self.erased, self.watchers, self.metrics, self.clock
        )
        if is_read:
            # As after the readers have read their topics to the end.
            for reader in (self.state._people, self.state._items):
                reader._missing.clear()
        given = experiments or Experiments()
        self.answering = Answering(
            self.state,
            People(self.table, self.clock, 0.05),
            AnswerPolicies(Policies(), given),
            given,
            Recorder(self.kafka, self.clock, 0.05),
            self.metrics,
            self.clock,
        )
        self.site = self.sites.of(SITE)

    def fill(self, items: int = 6) -> None:
        for number in range(items):
            self.site.put_item(Item(SITE, f"i{number}", self.clock.now_us(), category=f"c{number % 2}"))
            self.like(f"i{number}", 100.0 / (number + 1))
        self.site.apply_version(RecommenderModel(SITE, 1, self.clock.now_us(), 1))

    def like(self, item: str, count: float) -> None:
        self.site.online.apply_item(ItemModel(SITE, item, 1, self.clock.now_us(), count, (count,) * 4))

    def know(self, subject: str, *viewed: str, consent: bool = True) -> None:
        self.users.put(subject, encode(features(subject, *viewed, consent=consent)))

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"service": "serve_api", **labels}) or 0.0


def features(subject: str, *viewed: str, consent: bool = True, site: str = SITE) -> UserFeatures:
    recent = tuple(Recent(item, "view", at + 1, 1.0) for at, item in enumerate(viewed))
    return UserFeatures(site, subject, 1, 1, 1, 1, recent, consent=consent, bought=viewed)


def recorded(kafka: Kafka) -> list[Recommendation]:
    return [msgspec.json.decode(value, type=Recommendation) for value in kafka.written]
