"""Kafka → what answers are made of: decoded on readers' threads, and put in place on the event loop in small pieces.

Two readers: what is known of people isn't held up by a version of the model with all its items.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from confluent_kafka import Message

from headrace.clock import MICROSECONDS, Clock
from headrace.errors import TerminalError
from headrace.interactions.records import (
    FEATURES,
    ITEM_MODELS,
    ITEMS,
    RECOMMENDERS,
    SESSIONS,
    Item,
    ItemModel,
    RecommenderModel,
    Session,
)
from headrace.kafka import headers_of_message
from headrace.records import Record, decode, split_key
from headrace.subjects.erased import ErasedSubjects
from serve_api.recommendations.batch_versions import SiteBatch
from serve_api.recommendations.live_watchers import LiveWatchers
from serve_api.recommendations.metrics import RecommendationMetrics
from serve_api.recommendations.on_loop import OnLoop
from serve_api.recommendations.sites import Site, Sites
from serve_api.recommendations.topic_reader import Followed, TopicReader
from serve_api.recommendations.users import Users, appended_of

PARTS = {FEATURES: "features", ITEMS: "catalog", SESSIONS: "sessions", ITEM_MODELS: "online", RECOMMENDERS: "online"}
"""Which part of an answer is away until a topic is read."""
_PIECE = 10
_SESSIONS_PER_KEPT = 4
"""A session is written anew with each item, so so many records are read for each session that is kept."""


@dataclass(frozen=True)
class _Gone:
    """An item that the catalog has no more."""

    site: str
    item: str


class _OfSite(Protocol):
    @property
    def site(self) -> str: ...


R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=_OfSite)


class FollowedState:
    """Users, catalog and models as they are in the topics, but for what is of erased subjects."""

    def __init__(
        self,
        brokers: str,
        users: Users,
        sites: Sites,
        erased: ErasedSubjects,
        watchers: LiveWatchers,
        metrics: RecommendationMetrics,
        clock: Clock,
    ) -> None:
        self.users = users
        self.sites = sites
        self.erased = erased
        self._watchers = watchers
        self._metrics = metrics
        self._clock = clock
        self._on_loop = OnLoop()
        self._loop: asyncio.AbstractEventLoop | None = None
        tail = _SESSIONS_PER_KEPT * sites.max_sessions
        people = [
            Followed(FEATURES, self._take_features),
            # After the items: of those that nobody knows by then nothing is kept, as who sends events can invent some.
            Followed(SESSIONS, self._take_sessions, tail, lambda: self._items.has_read_all),
        ]
        items = [
            Followed(ITEMS, self._take_items),
            Followed(ITEM_MODELS, self._take_item_models),
            Followed(RECOMMENDERS, self._take_versions),
        ]
        self._people = TopicReader(brokers, "recommendations-people", people)
        self._items = TopicReader(brokers, "recommendations-items", items)

    def start(self) -> None:
        """Called on the event loop; returns at once."""
        self._loop = asyncio.get_running_loop()
        self._on_loop.start()
        self.erased.when_erased(self._forget)
        self._people.start()
        self._items.start()

    def stop(self) -> None:
        self._on_loop.stop()
        self._people.stop()
        self._items.stop()

    def failure(self) -> str | None:
        """What ended the following, if something did: the process should be restarted then."""
        return self._people.failure() or self._items.failure()

    def serve_batch(self, site: str, batch: SiteBatch | None) -> None:
        """Serves a site's batch model from the next answer on, or none where none is promoted any more.

        Called on another thread than the event loop's.
        """
        self._on_loop.run(lambda: self.sites.of(site).serve_batch(batch))
        self._wake_all()

    def has_read_features(self) -> bool:
        """Whether of whom nothing is known is somebody new."""
        return self._people.has_read(FEATURES)

    def has_read_all(self) -> bool:
        """Whether no topic was left unread; it stays so."""
        return self._people.has_read_all and self._items.has_read_all

    def unread(self) -> tuple[str, ...]:
        """The parts of answers whose topics were not read yet."""
        if self.has_read_all():
            return ()
        missing = {part for topic, part in PARTS.items() if not self._reader(topic).has_read(topic)}
        return tuple(sorted(missing))

    def _reader(self, topic: str) -> TopicReader:
        return self._people if topic in (FEATURES, SESSIONS) else self._items

    def _take_features(self, messages: Sequence[Message]) -> None:
        watched = self._watchers.watched
        changed = []
        for message in messages:
            subject, value = (message.key() or b"").decode(errors="replace"), message.value()
            if value is None or self.erased.is_erased(subject):
                self.users.drop(subject)
            else:
                self.users.put(subject, value)
                # It may have been erased between the look and now.
                if self.erased.is_erased(subject):
                    self.users.drop(subject)
            if subject in watched:
                changed.append(subject)
        self._wake(changed)
        self._time_freshness(messages[0])

    def _time_freshness(self, first: Message) -> None:
        # The first of a slice has waited longest; until all is read it would only tell how old the topic is.
        value = first.value()
        if value is not None and self._people.has_read(FEATURES) and (appended := appended_of(value)) is not None:
            self._metrics.observe_freshness((self._clock.now_us() - appended) / MICROSECONDS)

    def _forget(self, subject: str) -> None:
        """Called on any thread, once `erased` has the subject: what comes of it later is not taken."""
        self.users.drop(subject)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._forget_on_loop, subject)

    def _forget_on_loop(self, subject: str) -> None:
        self.sites.drop_subject(subject)
        self._watchers.wake_subjects((subject,))

    def _take_sessions(self, messages: Sequence[Message]) -> None:
        sessions = [each for each in self._decoded(messages, Session) if not self.erased.is_erased(each.subject)]
        self._put(sessions, lambda site, session: site.put_session(session))

    def _take_items(self, messages: Sequence[Message]) -> None:
        changes: list[Item | _Gone] = []
        for message in messages:
            if message.value() is not None:
                changes += self._decoded((message,), Item)
                continue
            try:
                changes.append(_Gone(*split_key(message.key())))
            except TerminalError:
                self._metrics.count_refused(ITEMS)
        self._put(changes, _change_item)
        self._wake_all()

    def _take_item_models(self, messages: Sequence[Message]) -> None:
        self._put(self._decoded(messages, ItemModel), lambda site, model: site.online.apply_item(model))

    def _take_versions(self, messages: Sequence[Message]) -> None:
        self._put(self._decoded(messages, RecommenderModel), lambda site, version: site.apply_version(version))
        self._wake_all()

    def _wake(self, subjects: Sequence[str]) -> None:
        if subjects and self._loop is not None:
            self._loop.call_soon_threadsafe(self._watchers.wake_subjects, subjects)

    def _wake_all(self) -> None:
        if self._loop is not None and self._items.has_read_all:
            self._loop.call_soon_threadsafe(self._watchers.wake_all)

    def _decoded(self, messages: Iterable[Message], kind: type[R]) -> list[R]:
        found: list[R] = []
        for message in messages:
            value = message.value()
            if value is None:
                continue
            try:
                record = decode(value, headers_of_message(message))
            except TerminalError:
                self._metrics.count_refused(str(message.topic()))
                continue
            if isinstance(record, kind):
                found.append(record)
            else:
                self._metrics.count_refused(str(message.topic()))
        return found

    def _put(self, records: Sequence[S], put: Callable[[Site, S], None]) -> None:
        for at in range(0, len(records), _PIECE):
            self._on_loop.run(partial(self._put_piece, records[at : at + _PIECE], put))

    def _put_piece(self, records: Sequence[S], put: Callable[[Site, S], None]) -> None:
        for record in records:
            put(self.sites.of(record.site), record)


def _change_item(site: Site, change: Item | _Gone) -> None:
    if isinstance(change, Item):
        site.put_item(change)
    else:
        site.remove_item(change.item)
