"""Routes of what people do at kiosks and near beacons: which topics, whose it is, and what of it is personal."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace.interactions.records import Kind
from ingest_mqtt.named_pattern import NamedPattern
from ingest_mqtt.topic_pattern import CACHED_TOPICS, TopicPattern, fill, placeholders


class PersonalRoute(NamedPattern):
    """Topics whose messages are events of people, as the API takes them.

    `user`, `session` and `item` are the name of a field of the event, or a text in braces of which are names of the
    pattern and of fields: `{kiosk}-{visit}`. Where one of its names has no value, the text has none.

    Attributes:
        user, session: whose it is; one of them at least. None takes no such name from this route's messages.
        kind, item: of an event that has none.
        site: a text with the pattern's names in it; the file's `site` unless set.
        context: names of the pattern that go into the event's context.
        personal: fields of the event that are encrypted, beside those that the API knows to be personal.
    """

    user: str | None = "user"
    session: str | None = "session"
    kind: Kind | None = None
    item: str | None = None
    site: str | None = None
    context: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_its_pattern(self) -> "PersonalRoute":
        known = TopicPattern(self.pattern).names
        has = ", ".join(known) or "none"
        if self.user is None and self.session is None:
            raise ValueError("names neither user nor session, so that nobody knows whose its events are")
        for name in (*placeholders(self.site or ""), *self.context):
            if name not in known:
                raise ValueError(f"uses {name}, which {self.pattern!r} does not name (it has {has})")
        return self

    @property
    def has_people_in_topics(self) -> bool:
        """Whether a topic tells of a user, or alone tells of a session."""
        names = set(TopicPattern(self.pattern).names)
        user, session = set(placeholders(self.user or "")), set(placeholders(self.session or ""))
        return bool(user & names) or bool(session and session <= names)


class PersonalFile(BaseModel):
    """The part `personal` of the routes file: read by a session of its own, so that nothing waits for another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subscribe: tuple[str, ...] = Field(min_length=1)
    routes: tuple[PersonalRoute, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class PersonalTarget:
    """What a topic's messages are: its route, its site, and the text of each name of the pattern."""

    route: PersonalRoute
    site: str
    names: Mapping[str, str]


class PersonalRoutes:
    """Finds a topic's target; the answers for the topics seen last are kept."""

    def __init__(self, file: PersonalFile, site: str) -> None:
        self.subscribe = file.subscribe
        self._site = site
        self._routes = [(TopicPattern(route.pattern), route) for route in file.routes]
        self.resolve = functools.lru_cache(CACHED_TOPICS)(self._resolve)

    def _resolve(self, topic: bytes) -> PersonalTarget | None:
        text = topic.decode(errors="replace")
        for pattern, route in self._routes:
            names = pattern.match(text)
            if names is not None:
                return PersonalTarget(route, fill(route.site, names) if route.site else self._site, names)
        return None
