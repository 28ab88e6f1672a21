"""What the file of a source says is checked before anything is connected."""

from typing import Any

import pytest
from pydantic import ValidationError

from ingest_sources.rabbitmq.rabbitmq_source import DeclareOptions, RabbitmqOptions

GIVEN = {"host": "h", "user": "u", "password_secret": "s", "queue": "q"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"password": "p"}, "password"),
        ({"columns": ["body"]}, "columns"),
        ({"prefetch": 0}, "prefetch"),
        ({"declare": {"exchange": "shop"}}, "given together"),
        ({"declare": {"routing_keys": ["a"]}}, "given together"),
        ({"declare": {"exchange_type": "topic"}}, "needs an exchange"),
        ({"declare": {"type": "quorum", "durable": False}}, "durable"),
    ],
)
def test_mistakes_are_told(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RabbitmqOptions.model_validate({**GIVEN, **options})


def test_a_fanout_has_an_empty_key() -> None:
    declare = {"exchange": "shop", "exchange_type": "fanout", "routing_keys": [""]}
    options = RabbitmqOptions.model_validate({**GIVEN, "declare": declare, "columns": ["headers.x.y"]})
    assert options.declare is not None and options.declare.routing_keys == ("",)


@pytest.mark.parametrize(
    ("declare", "limit"),
    [
        # RabbitMQ 3 takes -1 for 0 and drops what comes again; RabbitMQ 4 takes none for 20.
        ({"type": "quorum"}, 2**31 - 1),
        ({"type": "quorum", "arguments": {"x-delivery-limit": 5}}, 5),
        ({"type": "classic"}, None),
    ],
)
def test_a_quorum_queue_is_declared_so_that_it_drops_nothing(declare: dict[str, Any], limit: int | None) -> None:
    arguments = DeclareOptions.model_validate(declare).queue_arguments
    assert arguments.get("x-delivery-limit") == limit
    assert arguments["x-queue-type"] == declare["type"]
