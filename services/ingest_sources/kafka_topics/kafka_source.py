"""A source of kind `kafka`: records of topics, each a JSON object."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.model_part import Part

_ALLOWED = ("security.protocol", "sasl.", "ssl.", "client.id", "fetch.", "socket.", "metadata.", "session.timeout.ms")


class KafkaOptions(Part):
    """Attributes:
    brokers: bootstrap servers, comma-separated.
    group: whose offsets show the lag at that cluster; `headrace.` and the source's name, where it is not said. They
        are for people to see: where Headrace is, it knows by its own ledger.
    start: where a topic is begun of which nothing was read yet.
    settings: of librdkafka, such as security.protocol and sasl.username; a value `secret:NAME` is the secret NAME.
    """

    brokers: Annotated[str, StringConstraints(min_length=1)]
    topics: Annotated[tuple[str, ...], Field(min_length=1)]
    group: str | None = None
    start: Literal["earliest", "latest"] = "earliest"
    batch_records: int = Field(5_000, ge=1, le=100_000)
    settings: dict[str, str] = Field(default_factory=dict)

    @field_validator("topics")
    @classmethod
    def _are_different(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(topics)) < len(topics):
            raise ValueError("a topic is named twice")
        return topics

    @field_validator("settings")
    @classmethod
    def _is_allowed(cls, settings: dict[str, str]) -> dict[str, str]:
        for name in settings:
            if not name.startswith(_ALLOWED):
                raise ValueError(f"{name} is not for a source to set; these are: {', '.join(_ALLOWED)}")
        return settings


class KafkaSource(FeedSource):
    """Records in their order by partition; a row's number is its offset. Records without a value are left out."""

    kind: Literal["kafka"]
    kafka: KafkaOptions
