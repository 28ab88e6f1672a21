"""What answers are made of, by site: catalog, online model, last sessions, and the recommender over them."""

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec
import numpy as np

from headrace.interactions.records import Item, RecommenderModel, Session
from headrace.recommend.batch_model import BatchModel
from headrace.recommend.catalog import Catalog
from headrace.recommend.online_model import OnlineModel
from headrace.recommend.recommender import Recommender
from headrace.recommend.session_index import SessionIndex
from serve_api.recommendations.batch_versions import SiteBatch
from serve_api.recommendations.quality import POPULAR_SHARE, Quality

MAX_SITES = 1_000
"""Far above what one process serves: a writer that invents sites must not fill the memory."""


class Site:
    """One site's; changed and asked on the event loop only.

    Attributes:
        has_batch: a batch model was promoted, so answers without one are degraded.
    """

    def __init__(self, max_sessions: int) -> None:
        self.has_batch = False
        self.catalog = Catalog()
        self.online = OnlineModel(self.catalog)
        self.sessions = SessionIndex(self.catalog, most=max_sessions)
        self.recommender = Recommender(self.catalog, self.online, self.sessions)
        self._batch: SiteBatch | None = None
        self._canary: Recommender | None = None
        self.quality = Quality(self._share_of)
        self._names: list[str] = []
        self._total = 0.0
        self._popular: frozenset[str] | None = None

    @property
    def listed(self) -> int:
        """How many items the catalog has."""
        return len(self._names)

    def find(self, item: str) -> Item | None:
        """What the catalog has of an item."""
        number = self.catalog.find(item)
        return None if number < 0 else self.catalog.item(number)

    def put_item(self, item: Item) -> None:
        """An item, or its newer form."""
        if self.find(item.item) is None:
            insort(self._names, item.item)
        self.catalog.put(item)

    def remove_item(self, item: str) -> None:
        """The catalog has it no more."""
        if self.find(item) is not None:
            del self._names[bisect_left(self._names, item)]
            self.catalog.remove(item)

    def items_from(self, after: str | None) -> Iterator[Item]:
        """The catalog by item id, after one of them."""
        begin = 0 if after is None else bisect_left(self._names, after)
        for name in self._names[begin + (begin < len(self._names) and self._names[begin] == after) :]:
            if (found := self.find(name)) is not None:
                yield found

    def put_session(self, session: Session) -> None:
        """A session, or its newer form, without what neither catalog nor model has."""
        if not all(self.catalog.find(item) >= 0 for item in session.items):
            known = tuple(item for item in session.items if self.catalog.find(item) >= 0)
            if not known:
                # One without items would take back what was said of the person before.
                return
            session = msgspec.structs.replace(session, items=known)
        self.sessions.put(session)

    def apply_version(self, version: RecommenderModel) -> None:
        """A version of the online model, after the items that changed with it."""
        self.online.apply_version(version)
        self._total = float(self.online.count.sum())
        self._popular = None

    def swap_batch(self, batch: BatchModel | None) -> None:
        """Serves another batch model from the next answer on; None is one that is promoted and not loaded."""
        self.has_batch = True
        self.recommender.swap_batch(batch)

    def serve_batch(self, batch: SiteBatch | None) -> None:
        """Serves what is promoted from the next answer on; None is that nothing is, so that nothing is missed."""
        if batch is None:
            self.recommender.swap_batch(None)
            self.has_batch = False
        elif self._batch is None or batch.champion is not self._batch.champion:
            self.swap_batch(batch.champion)
        self._canary = None
        if batch is not None and batch.canary is not None:
            self._canary = Recommender(self.catalog, self.online, self.sessions, batch.canary)
        self._batch = batch

    def recommender_of(self, subject: str | None) -> Recommender:
        """What a person is answered by: the canary's recommender for its share of the persons."""
        if self._canary is not None and self._batch is not None and subject is not None:
            return self._canary if self._batch.is_tried_on(subject) else self.recommender
        return self.recommender

    def popular(self) -> frozenset[str]:
        """The `POPULAR_SHARE` of the catalog with the most interactions."""
        if self._popular is None:
            most = max(1, round(POPULAR_SHARE * self.listed))
            best = np.argsort(-self.online.count, kind="stable")[:most]
            self._popular = frozenset(self.catalog.name(number) for number in best if self.online.count[number] > 0)
        return self._popular

    def _share_of(self, item: str) -> float:
        number = self.catalog.find(item)
        known = 0 <= number < len(self.online.count) and self._total > 0
        return float(self.online.count[number]) / self._total if known else 0.0


class Sites:
    """All sites, each made when something of it comes."""

    def __init__(self, max_sessions: int) -> None:
        self.max_sessions = max_sessions
        self._sites: dict[str, Site] = {}

    def of(self, name: str) -> Site:
        """A site's; one that is empty where nothing came of it yet."""
        site = self._sites.get(name)
        if site is None:
            site = Site(self.max_sessions)
            if len(self._sites) < MAX_SITES:
                self._sites[name] = site
        return site

    def drop_subject(self, subject: str) -> None:
        """Forgets a person's sessions."""
        for site in self._sites.values():
            site.sessions.drop(subject)
