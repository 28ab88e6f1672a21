"""The recommender as it is served, fed with moments: asked, told what came of its answer, then taught."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from headrace.interactions.lessons import lesson_of
from headrace.interactions.records import Exposure, Item, Session, UserFeatures
from headrace.interactions.sessions import followed
from headrace.interactions.user_features import taken
from headrace.recommend.asked import Ask, Recommended
from headrace.recommend.batch_model import BatchModel
from headrace.recommend.catalog import Catalog
from headrace.recommend.filters import allowed
from headrace.recommend.learner import Learner
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.online_model import OnlineModel
from headrace.recommend.policy import Policy
from headrace.recommend.recommender import Candidates, Recommender
from headrace.recommend.session_index import SessionIndex
from loadtest.recommend_data import SITE, Moment
from loadtest.recommend_judge import TEN

PUBLISHED_ROWS = 60


class System:
    """Everything between an interaction and an answer except Kafka: the same code, in one process.

    Args:
        publish_every: moments between two versions of the online model.
    """

    def __init__(
        self, items: Iterable[Item], policy: Policy, settings: LearnerSettings | None = None, publish_every: int = 10
    ) -> None:
        self.catalog = Catalog()
        for item in items:
            self.catalog.put(item)
        self.online = OnlineModel(self.catalog)
        self.sessions = SessionIndex(self.catalog)
        self.recommender = Recommender(self.catalog, self.online, self.sessions)
        self.learner = Learner(SITE, settings)
        self.users: dict[str, UserFeatures] = {}
        self._visits: dict[str, Session] = {}
        self._policy, self._publish_every = policy, publish_every
        self._moments = self._version = 0

    def swap_batch(self, model: BatchModel) -> None:
        """Serves another batch model."""
        self.recommender.swap_batch(model)

    def candidates(self, moment: Moment) -> Candidates:
        """What could be shown at a moment."""
        user = self.users.get(moment.subject)
        return self.recommender.candidates(Ask(user, "home", TEN, moment.time, self._policy, self._moments))

    def alone(self, candidates: Candidates) -> dict[str, list[str]]:
        """What each source would show by itself, and each ranking by liveliness; the filters are the same."""
        found = {source.name: own for source, own in zip(candidates.sources, candidates.own, strict=True)}
        for place, half_life in enumerate(self.online.half_lives):
            found[f"trending, {half_life / 3.6e9:g} h"] = self.online.top(place)  # type: ignore[index]
        shown: dict[str, list[str]] = defaultdict(list)
        for name, numbers in found.items():
            rising = np.sort(numbers)
            kept = numbers[np.isin(numbers, rising[allowed(candidates.situation, rising)])][:TEN]
            shown[name] = [self.catalog.name(int(number)) for number in kept]
        return shown

    def expose(self, moment: Moment, answer: Recommended) -> None:
        """Tells what came of an answer: all of it was seen, and its targets were turned to."""
        targets = moment.targets
        for position, item in enumerate(answer.items):
            reward = float(item.item in targets)
            self.learner.learn_exposure(
                Exposure(
                    f"r{self._moments}",
                    SITE,
                    moment.subject,
                    "home",
                    item.item,
                    position,
                    item.source,
                    item.explored,
                    item.features,
                    moment.time,
                    moment.time,
                    moment.time,
                    clicked=bool(reward),
                    reward=reward,
                )
            )

    def learn(self, moment: Moment) -> None:
        """Takes what the person did."""
        for each in moment.interactions:
            before = self.users.get(moment.subject)
            if (lesson := lesson_of(before, each)) is not None:
                self.learner.learn(lesson)
            self.users[moment.subject] = taken(before, each, each.time)
            visit = followed(self._visits.get(moment.subject), each, each.time)
            if visit is not None:
                self._visits[moment.subject] = visit
        if moment.subject in self._visits:
            self.sessions.put(self._visits[moment.subject])
        self._moments += 1
        if self._moments % self._publish_every == 0:
            self._publish(moment.time)

    def follow(self, moment: Moment) -> None:
        """Takes what the person did into the person's features alone."""
        for each in moment.interactions:
            self.users[moment.subject] = taken(self.users.get(moment.subject), each, each.time)

    def frozen(self) -> System:
        """A copy that learns apart from this one."""
        return copy.deepcopy(self)

    def _publish(self, now: int) -> None:
        self._version += 1
        model, rows = self.learner.publish(self._version, now, PUBLISHED_ROWS)
        for row in rows:
            self.online.apply_item(row)
        self.online.apply_version(model)
