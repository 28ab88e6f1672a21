"""A message as the broker delivers it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

IDENTITY_BYTES = 12


@dataclass(frozen=True)
class Message:
    """Attributes:
    tag: of the delivery: rises within a channel and means nothing outside it.
    redelivered: the broker may have delivered it before; where False, it certainly never did.
    properties: those that the publisher set, by AMQP's names. All names and short strings are text.
    problem: why its headers can't be read and are left out; empty where they can.
    """

    tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    properties: Mapping[str, Any]
    body: bytes
    problem: str = ""

    @property
    def headers(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.properties.get("headers") or {}
        return found

    @cached_property
    def identity(self) -> bytes:
        """The same whenever it is delivered, and another for any message that differs in anything."""
        # The broker's own headers, which begin so, differ: x-delivery-count rises.
        headers = {name: value for name, value in self.headers.items() if not name.startswith("x-")}
        own = sorted({**self.properties, "headers": headers}.items())
        digest = hashlib.sha256(repr((self.exchange, self.routing_key, own)).encode())
        digest.update(self.body)
        return digest.digest()[:IDENTITY_BYTES]
