"""A small site: items, people who do things, and a recommender that follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.interactions.lessons import lesson_of
from headrace.interactions.records import Exposure, Interaction, Item, Kind, Session, UserFeatures
from headrace.interactions.sessions import followed
from headrace.interactions.user_features import taken
from headrace.recommend.asked import Ask, Recommended
from headrace.recommend.catalog import Catalog
from headrace.recommend.half_lives import DAY
from headrace.recommend.learner import Learner
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.online_model import OnlineModel
from headrace.recommend.policy import Exploration, Policy, SourceName
from headrace.recommend.ranking_features import FEATURES
from headrace.recommend.recommender import Recommender
from headrace.recommend.session_index import SessionIndex

SITE = "shop"
START = 1_790_000_000_000_000
MINUTE = 60_000_000
QUIET = Exploration(rate=0)
DAYS = DAY


class World:
    """Takes what people do at once, as the whole system does within a second."""

    def __init__(self, items: Sequence[Item] = (), settings: LearnerSettings | None = None) -> None:
        self.catalog = Catalog()
        for item in items:
            self.catalog.put(item)
        self.online = OnlineModel(self.catalog)
        self.sessions = SessionIndex(self.catalog)
        self.learner = Learner(SITE, settings)
        self.recommender = Recommender(self.catalog, self.online, self.sessions)
        self.users: dict[str, UserFeatures] = {}
        self.now = START
        self.version = 0
        self._visits: dict[str, Session] = {}

    def does(self, subject: str, *items: str, kind: Kind = "view", after: int = MINUTE) -> None:
        """Somebody turns to items, one after the other, so much later each."""
        for item in items:
            self.now += after
            interaction = Interaction(f"{self.now}", SITE, subject, kind, self.now, self.now, item)
            if (lesson := lesson_of(self.users.get(subject), interaction)) is not None:
                self.learner.learn(lesson)
            self.users[subject] = taken(self.users.get(subject), interaction, self.now)
            visit = followed(self._visits.get(subject), interaction, self.now)
            if visit is not None:
                self._visits[subject] = visit
                self.sessions.put(visit)
        self.publish()

    def publish(self) -> None:
        """What was learned is served."""
        self.version += 1
        model, rows = self.learner.publish(self.version, self.now, 1_000_000)
        for row in rows:
            self.online.apply_item(row)
        self.online.apply_version(model)

    def found(self, source: SourceName, subject: str = "nobody") -> list[str]:
        """What a source finds for somebody and the filters let through, in the source's own order."""
        ask = Ask(self.users.get(subject), "home", 5, self.now, only(source), 1)
        candidates = self.recommender.candidates(ask)
        return [self.catalog.name(int(candidates.numbers[place])) for place in candidates.places(source)]

    def ask(self, subject: str = "nobody", count: int = 5, seed: int = 1, **asked: Any) -> Recommended:
        """What is recommended to somebody; without exploration unless a policy says so."""
        policy = asked.pop("policy", Policy(exploration=QUIET))
        return self.recommender.recommend(
            Ask(self.users.get(subject), "home", count, asked.pop("now", self.now), policy, seed, **asked)
        )


def items(*names: str, **same: Any) -> list[Item]:
    """Items that are alike but for their names."""
    return [
        Item(SITE, name, START - 100 * DAYS, **{"title": name, "created": START - 100 * DAYS, **same}) for name in names
    ]


def names(answer: Recommended) -> list[str]:
    """The items of an answer."""
    return [each.item for each in answer.items]


def only(*sources: SourceName, **parts: Any) -> Policy:
    """A policy with these sources alone."""
    return Policy(**{"sources": dict.fromkeys(sources, 50), "exploration": QUIET, **parts})


def exposure(item: str = "a", position: int = 0, reward: float = 0.0, **said: Any) -> Exposure:
    """What came of an item that was shown."""
    features = said.pop("features", (0.0,) * len(FEATURES))
    fields = {"source": "trending", "explored": False, "made": START, "seen": START, **said}
    return Exposure(
        "r", SITE, "s", "home", item, position, fields.pop("source"), fields.pop("explored"), features,
        fields.pop("made"), START, reward=reward, clicked=reward > 0, **fields,
    )  # fmt: skip
