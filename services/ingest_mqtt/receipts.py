"""Receipts: the answer on a message's Response Topic that Kafka has it, as MQTT 5 does request and response (4.10).

A receipt goes out at QoS 1, so that a device whose session outlives its connection finds it later, and, where the
broker's Receive Maximum allows, before the message's own ack on the same connection: a broker that saw the ack saw the
receipt, and a lost connection brings the message again, and its receipt with it. Receipts that the broker has not
acknowledged are sent again when the session goes on. All is bounded; a receipt that finds no room is dropped and
counted, and its device publishes again.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

from headrace.deadletter import TOPIC as DEADLETTERS
from ingest_mqtt.mqtt_packets import Publish, as_duplicate, write_publish

_FIRST_MID, _LAST_MID = 1_024, 65_535
"""Packet ids of receipts; those below are paho's, which takes one per SUBSCRIBE."""
_MAX_TOPIC_BYTES = 65_535


class Receipt(msgspec.Struct, omit_defaults=True):
    """What a receipt says: in which topic, partition and offset the message is; `reason` where it is a dead letter."""

    status: str
    topic: str
    partition: int
    offset: int
    reason: str = ""


def receipt_body(topic: str, partition: int, offset: int, reason: str) -> bytes:
    """A receipt as JSON: status `accepted`, or `dead_letter` with the reason."""
    if reason:
        return msgspec.json.encode(Receipt("dead_letter", DEADLETTERS, partition, offset, reason))
    return msgspec.json.encode(Receipt("accepted", topic, partition, offset))


_Outgoing = tuple[bytes, bytes, bytes]
"""Topic, body and Correlation Data."""


class Receipts:
    """Receipts that wait to be sent and those that wait for the broker's PUBACK.

    Args:
        is_input: whether a topic is one that the bridge reads: a receipt there would be a reading forged in its name.
        limit: receipts that may wait, of each kind.

    """

    def __init__(self, is_input: Callable[[str], bool], limit: int) -> None:
        self._is_input = is_input
        self._limit = limit
        self._quota = limit
        self._waiting: deque[_Outgoing] = deque()
        self._unacked: dict[int, _Outgoing] = {}
        self._mid = _LAST_MID

    def add(self, publish: Publish, body: bytes) -> Literal["refused", "dropped"] | None:
        """Queues the receipt of a message, or says why not: nobody may publish to its Response Topic, or no room."""
        properties = publish.properties
        if properties is None or not self._may_publish(properties.response_topic):
            return "refused"
        if len(self._waiting) >= self._limit:
            return "dropped"
        self._waiting.append((properties.response_topic.encode(), body, properties.correlation))
        return None

    @property
    def waiting(self) -> bool:
        """Whether some can be sent now."""
        return bool(self._waiting) and len(self._unacked) < self._quota

    def take(self) -> list[bytes]:
        """The packets that may be sent now, within the broker's Receive Maximum."""
        packets = []
        waiting, unacked = self._waiting, self._unacked
        while waiting and len(unacked) < self._quota:
            mid = self._next_mid()
            receipt = unacked[mid] = waiting.popleft()
            packets.append(_packet(mid, receipt))
        return packets

    def resume(self, receive_maximum: int) -> list[bytes]:
        """A connection is up: what the broker has not acknowledged (4.4), to be sent again in the old order."""
        self._quota = min(self._limit, receive_maximum)
        unacked = list(self._unacked.items())
        for mid, receipt in reversed(unacked[self._quota :]):
            del self._unacked[mid]
            self._waiting.appendleft(receipt)
        return [as_duplicate(_packet(mid, receipt)) for mid, receipt in unacked[: self._quota]]

    def acknowledged(self, mid: int) -> None:
        """The broker's PUBACK, whatever its reason: nobody subscribed is the device's choice."""
        self._unacked.pop(mid, None)

    def __len__(self) -> int:
        """Receipts that wait, or that the broker has not acknowledged."""
        return len(self._waiting) + len(self._unacked)

    def _may_publish(self, topic: str) -> bool:
        usable = topic and not topic.startswith("$") and not any(sign in topic for sign in "+#\0")
        return bool(usable) and len(topic.encode()) <= _MAX_TOPIC_BYTES and not self._is_input(topic)

    def _next_mid(self) -> int:
        while True:
            self._mid = self._mid + 1 if self._mid < _LAST_MID else _FIRST_MID
            if self._mid not in self._unacked:
                return self._mid


def _packet(mid: int, receipt: _Outgoing) -> bytes:
    topic, body, correlation = receipt
    return write_publish(topic, body, mid, correlation)
