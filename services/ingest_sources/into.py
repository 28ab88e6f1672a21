"""Where a source's rows go: what stands under `into` in its file."""

import re
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from headrace.interactions.event import KINDS
from headrace.interactions.records import ITEMS
from headrace.interactions.records import RAW as INTERACTIONS
from headrace.pushed import TOPIC as PUSHED
from headrace.records import ROW_SCHEMAS
from ingest_sources.model_part import Part
from ingest_sources.text_template import columns_of

READINGS = "readings.raw"
LEDGER = "sources.ledger"
REPORTS = "sources.reports"
_OWN_TOPIC = re.compile(r"sources\.[a-z][a-z0-9_]{0,39}")
Template = str
"""A text with columns in braces."""


class IntoReadings(Part):
    """Rows that are readings: one message a row.

    Attributes:
        site, device: texts with columns in braces; a row without a device is refused.
        device_type: the type of devices that are not registered yet.
        time: column of the event time, microseconds UTC as the rule `time` makes it.
        metrics: columns that are readings; all others but those named above, where it is empty.
    """

    topic: Literal["readings.raw"]
    site: Template = "default"
    device: Template
    device_type: str | None = None
    time: str = "time"
    metrics: tuple[str, ...] = ()

    @field_validator("site", "device")
    @classmethod
    def _has_pairs(cls, template: str) -> str:
        columns_of(template)
        return template


class IntoInteractions(Part):
    """Rows that are what people did: one interaction a row, under the person's subject.

    Attributes:
        user, session: whose it is, texts with columns in braces; a row has one of them at least.
        kind, item, recommendation: texts with columns in braces, or constants.
        id: the same; a row's place and content, unless set.
        time: column of the event time, as the rule `time` makes it; a row without has the time at which it was read.
        value, quantity, position, consent: columns.
        context, personal: columns; those under `personal` are encrypted with the person's key.
    """

    topic: Literal["interactions.raw"]
    site: Template = "default"
    user: Template | None = None
    session: Template | None = None
    kind: Template
    item: Template | None = None
    id: Template | None = None
    recommendation: Template | None = None
    time: str | None = "time"
    value: str | None = None
    quantity: str | None = None
    position: str | None = None
    consent: str | None = None
    context: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()

    @field_validator("site", "user", "session", "kind", "item", "id", "recommendation")
    @classmethod
    def _has_pairs(cls, template: str | None) -> str | None:
        columns_of(template or "")
        return template

    @model_validator(mode="after")
    def _says_whose_and_what(self) -> "IntoInteractions":
        if not columns_of(self.user or "") and not columns_of(self.session or ""):
            raise ValueError("says not whose rows are: give user, or session for somebody unknown, with a {column}")
        if not columns_of(self.kind) and self.kind not in KINDS:
            raise ValueError(
                f"kind {self.kind!r} is none of {', '.join(KINDS)}: write one, or a {{column}} that has it"
            )
        return self

    @property
    def templates(self) -> dict[str, Template]:
        """Field of an event → the text that it has."""
        names = ("user", "session", "kind", "item", "id", "recommendation")
        return {name: text for name in names if (text := getattr(self, name)) is not None}

    @property
    def columns(self) -> dict[str, str]:
        """Field of an event → the column that it is."""
        names = ("time", "value", "quantity", "position", "consent")
        return {name: column for name in names if (column := getattr(self, name)) is not None}

    @property
    def columns_of_people(self) -> list[str]:
        """Those that are personal, since they say whose a row is, or by what `personal` says."""
        return [*columns_of(self.user or ""), *columns_of(self.session or ""), *self.personal]


class IntoItems(Part):
    """Rows that are items which can be recommended; a row that went takes its item out.

    Attributes:
        item, title, category, image: texts with columns in braces, or constants.
        tags: such texts, each one tag, or several where there is a `separator` or the text is a JSON list.
        price, available, min_age, created: columns.
        attributes: columns.
    """

    topic: Literal["items.catalog"]
    site: Template = "default"
    item: Template
    title: Template | None = None
    category: Template | None = None
    image: Template | None = None
    tags: tuple[Template, ...] = ()
    separator: str | None = Field(None, min_length=1)
    price: str | None = None
    available: str | None = None
    min_age: str | None = None
    created: str | None = None
    attributes: tuple[str, ...] = ()

    @field_validator("site", "title", "category", "image")
    @classmethod
    def _has_pairs(cls, template: str | None) -> str | None:
        columns_of(template or "")
        return template

    @field_validator("tags")
    @classmethod
    def _have_pairs(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        for template in tags:
            columns_of(template)
        return tags

    @field_validator("item")
    @classmethod
    def _has_a_column(cls, template: str) -> str:
        if not columns_of(template):
            raise ValueError(f"{template!r} names no column, so all rows would be one item: write {{column}}")
        return template

    @property
    def templates(self) -> dict[str, Template]:
        """Field of an item → the text that it has."""
        names = ("item", "title", "category", "image")
        return {name: text for name in names if (text := getattr(self, name)) is not None}

    @property
    def columns(self) -> dict[str, str]:
        """Field of an item → the column that it is."""
        names = ("price", "available", "min_age", "created")
        return {name: column for name in names if (column := getattr(self, name)) is not None}


class IntoOwnTopic(Part):
    """Rows as they are, in a topic of the source's own, which is made when it is missing.

    Attributes:
        key: a text with columns in braces; a row without it is refused. Rows of one key keep their order.
    """

    topic: str
    key: Template
    partitions: int = Field(4, ge=1, le=256)
    retention_days: float | None = Field(7, gt=0)

    @field_validator("topic")
    @classmethod
    def _is_its_own(cls, topic: str) -> str:
        if not _OWN_TOPIC.fullmatch(topic):
            raise ValueError(
                f"is {READINGS}, {INTERACTIONS}, {ITEMS}, or sources.NAME with lower-case letters, digits and _"
            )
        if topic in (LEDGER, PUSHED, REPORTS, ROW_SCHEMAS):
            raise ValueError(f"{topic} is Headrace's own: take another name after `sources.`")
        return topic

    @field_validator("key")
    @classmethod
    def _has_a_column(cls, template: str) -> str:
        if not columns_of(template):
            raise ValueError(f"{template!r} names no column, so all rows would have one key: write {{column}}")
        return template


_KINDS = {READINGS: "readings", INTERACTIONS: "interactions", ITEMS: "items"}


def _kind_of(into: object) -> str:
    topic = into.get("topic") if isinstance(into, dict) else getattr(into, "topic", None)
    return _KINDS.get(topic, "own") if isinstance(topic, str) else "own"


Into = IntoReadings | IntoInteractions | IntoItems | IntoOwnTopic
AnyInto = Annotated[
    Annotated[IntoReadings, Tag("readings")]
    | Annotated[IntoInteractions, Tag("interactions")]
    | Annotated[IntoItems, Tag("items")]
    | Annotated[IntoOwnTopic, Tag("own")],
    Discriminator(_kind_of),
]


def columns_of_into(into: Into) -> list[str]:
    """The columns that it names."""
    match into:
        case IntoOwnTopic():
            return columns_of(into.key)
        case IntoReadings():
            return [*columns_of(into.site), *columns_of(into.device), into.time, *into.metrics]
        case IntoInteractions():
            more: tuple[str, ...] = (*into.context, *into.personal)
            templates = [into.site, *into.templates.values()]
        case IntoItems():
            more = into.attributes
            templates = [into.site, *into.templates.values(), *into.tags]
    named = [name for template in templates for name in columns_of(template)]
    return list(dict.fromkeys((*named, *into.columns.values(), *more)))
