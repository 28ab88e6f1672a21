"""Where a source's rows go: what stands under `into` in its file."""

import re
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator

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
            raise ValueError(f"is {READINGS}, or sources.NAME with a name of lower-case letters, digits and _")
        if topic in (LEDGER, PUSHED, REPORTS, ROW_SCHEMAS):
            raise ValueError(f"{topic} is Headrace's own: take another name after `sources.`")
        return topic

    @field_validator("key")
    @classmethod
    def _has_a_column(cls, template: str) -> str:
        if not columns_of(template):
            raise ValueError(f"{template!r} names no column, so all rows would have one key: write {{column}}")
        return template


def _kind_of(into: object) -> str:
    topic = into.get("topic") if isinstance(into, dict) else getattr(into, "topic", None)
    return "readings" if topic == READINGS else "own"


Into = Annotated[
    Annotated[IntoReadings, Tag("readings")] | Annotated[IntoOwnTopic, Tag("own")], Discriminator(_kind_of)
]
