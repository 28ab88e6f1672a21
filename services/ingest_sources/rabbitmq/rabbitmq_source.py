"""A source of kind `rabbitmq`: messages of a queue, each one or more JSON objects."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.model_part import Part

DELIVERY_LIMIT = "x-delivery-limit"
_NO_LIMIT = 2**31 - 1
"""A delivery a second would reach it in 68 years. RabbitMQ 4 drops a message after 20 unless told otherwise; its -1, no
limit, is zero to RabbitMQ 3. And only with a limit all that is given back goes to the head of a quorum queue."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Column = Annotated[
    str,
    StringConstraints(
        pattern=r"^(exchange|routing_key|message_id|timestamp|app_id|type|correlation_id|user_id|reply_to|priority|headers\..+)$"
    ),
]


class DeclareOptions(Part):
    """The queue as it is made where it isn't there; one that is there must be like this.

    Attributes:
        exchange: the queue is bound to it by each of the routing keys. It must be there, unless `exchange_type` is
            given: then it is made too.
        dead_letter_exchange: must be there.
        arguments: others of the queue, such as x-message-ttl. They win over those that Headrace sets itself.
    """

    durable: bool = True
    type: Literal["classic", "quorum"] = "classic"
    exchange: Name | None = None
    exchange_type: Literal["direct", "fanout", "topic", "headers"] | None = None
    routing_keys: tuple[str, ...] = ()
    dead_letter_exchange: str | None = None
    arguments: dict[str, str | int | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _are_together(self) -> "DeclareOptions":
        if (self.exchange is None) != (not self.routing_keys):
            raise ValueError('exchange and routing_keys are given together; routing_keys: [""] is for a fanout')
        if self.exchange_type and self.exchange is None:
            raise ValueError("exchange_type needs an exchange")
        if self.type == "quorum" and not self.durable:
            raise ValueError("a quorum queue is durable")
        return self

    @property
    def queue_arguments(self) -> dict[str, str | int | bool]:
        """All that the queue is declared with."""
        own: dict[str, str | int | bool] = {"x-queue-type": self.type}
        if self.type == "quorum":
            own[DELIVERY_LIMIT] = _NO_LIMIT
        if self.dead_letter_exchange is not None:
            own["x-dead-letter-exchange"] = self.dead_letter_exchange
        return {**own, **self.arguments, "x-queue-type": self.type}


class RabbitmqOptions(Part):
    """Attributes:
    password_secret: name of the secret.
    ca_file: certificates that the broker's is checked against, with `tls`; the system's, where it is not said.
    shared: others consume the queue too. Each message then goes to one of the consumers, and one that comes again
        after a failure may go to another than before.
    prefetch: messages that are delivered to Kafka at once.
    max_body_mb: a larger message is a dead letter.
    columns: properties of a message that become columns `__NAME` of its rows.
    reject_to_dlx: a message that can't be read is rejected once its dead letter is in Kafka, so that the queue's
        dead-letter exchange gets it too.
    heartbeat_seconds: a broker that says nothing for twice as long is away, and to it we are.
    """

    host: Name
    port: int = Field(5672, ge=1, le=65_535)
    vhost: str = "/"
    user: Name
    password_secret: Name
    tls: bool = False
    ca_file: Path | None = None
    queue: Name
    declare: DeclareOptions | None = None
    shared: bool = False
    prefetch: int = Field(1_000, ge=1, le=5_000)
    max_body_mb: float = Field(16, gt=0, le=128)
    columns: tuple[Column, ...] = ()
    reject_to_dlx: bool = False
    heartbeat_seconds: int = Field(10, ge=1, le=300)


class RabbitmqSource(FeedSource):
    """Messages in the queue's order. Their rows are counted through from 1, over all that was ever delivered."""

    IS_REPEATABLE: ClassVar[bool] = False

    kind: Literal["rabbitmq"]
    rabbitmq: RabbitmqOptions
