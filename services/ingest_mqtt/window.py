"""The in-flight window: what was read from the broker and is not yet confirmed by Kafka, with acks in order of arrival.

An ack belongs to the connection on which its message came: `abandon`, called when a connection ends, forgets whose turn
it is, so that a late delivery report acknowledges nothing. The broker sends those messages again.
"""

from collections import deque
from typing import Any

from ingest_mqtt.mqtt_packets import Publish


class Entry:
    """One message in the window; Kafka's delivery report is given by calling it.

    Attributes:
        done: it needs no more work, so its ack may go when all before it are done.
        size: bytes that it holds.
        reason: why it became a dead letter, or an empty text.
        connection: number of the connection on which it came.
    """

    __slots__ = ("_window", "connection", "done", "publish", "reason", "size", "taken")

    def __init__(self, window: "Window", publish: Publish, size: int, reason: str) -> None:
        self._window = window
        self.publish = publish
        self.size = size
        self.reason = reason
        self.done = False
        self.taken = window.now
        self.connection = window.connection

    def __call__(self, error: Any, message: Any) -> None:
        """Takes librdkafka's `KafkaError` or None, and its `Message`."""
        window = self._window
        window.outstanding -= 1
        window.outstanding_bytes -= self.size
        if not self.publish.qos:
            window.outstanding_qos0 -= 1
        if error is not None:
            window.failures.append((self, error, message))
            return
        self.done = True
        window.delivered += 1
        if (properties := self.publish.properties) is not None and properties.response_topic:
            window.confirmed.append((self, message.partition(), message.offset()))


class Window:
    """Counts what is outstanding and releases acks in order.

    Args:
        limit: messages at QoS 1 and 0 together that may be outstanding before reading stops.
        byte_limit: the same in bytes.

    Attributes:
        now: seconds, monotonic; set by the loop once a turn.
        connection: counts the connections that ended.
        delivered: reports of success since the last `take_delivered`.
        failures: (entry, error, message) of reports of failure.
        confirmed: (entry, partition, offset) of those delivered that ask for a receipt.
    """

    def __init__(self, limit: int, byte_limit: int) -> None:
        self._limit = limit
        self._byte_limit = byte_limit
        self._turns: deque[Entry] = deque()
        self._full_since: float | None = None
        self.now = 0.0
        self.connection = 0
        self.outstanding = 0
        self.outstanding_bytes = 0
        self.outstanding_qos0 = 0
        self.delivered = 0
        self.failures: list[tuple[Entry, Any, Any]] = []
        self.confirmed: list[tuple[Entry, int, int]] = []

    def add(self, publish: Publish, size: int, reason: str = "") -> Entry:
        """Takes a message that is about to be produced."""
        entry = Entry(self, publish, size, reason)
        self.outstanding += 1
        self.outstanding_bytes += size
        if publish.qos:
            self._turns.append(entry)
        else:
            self.outstanding_qos0 += 1
        return entry

    def readd(self, entry: Entry, reason: str) -> Entry:
        """Takes a failed entry once more, in its old place: it is produced to another topic."""
        entry.reason = reason
        self.outstanding += 1
        self.outstanding_bytes += entry.size
        if not entry.publish.qos:
            self.outstanding_qos0 += 1
        return entry

    def forget(self, entry: Entry) -> None:
        """Gives up an entry that was never produced: it came on a connection that ended."""
        self.outstanding -= 1
        self.outstanding_bytes -= entry.size
        if not entry.publish.qos:
            self.outstanding_qos0 -= 1

    def skip(self, publish: Publish) -> None:
        """Takes a message that goes nowhere; its ack waits for its turn all the same."""
        if publish.qos:
            entry = Entry(self, publish, 0, "")
            entry.done = True
            self._turns.append(entry)

    def release(self) -> list[int]:
        """Packet ids whose acks are due, in order of arrival."""
        turns, mids = self._turns, []
        while turns and turns[0].done:
            mids.append(turns.popleft().publish.mid)
        return mids

    def abandon(self) -> int:
        """Forgets the acks that are due to a connection that ended; says how many."""
        abandoned = len(self._turns)
        self._turns = deque()
        self.connection += 1
        return abandoned

    def awaits(self, entry: Entry) -> bool:
        """Whether the connection on which a message came still waits for its ack."""
        return entry.connection == self.connection

    def take_delivered(self) -> int:
        """Reports of success since the last call."""
        delivered, self.delivered = self.delivered, 0
        return delivered

    def is_full(self) -> bool:
        """Whether reading has to wait."""
        full = self.outstanding >= self._limit or self.outstanding_bytes >= self._byte_limit
        if not full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = self.now
        return full

    @property
    def unacked(self) -> int:
        """Messages of this connection whose ack is due."""
        return len(self._turns)

    def stalled_for(self, now: float) -> float:
        """Seconds for which the oldest unacknowledged message, or a full window, has waited."""
        turns, full_since = self._turns, self._full_since
        try:
            oldest = turns[0].taken
        except IndexError:
            oldest = now
        return max(0.0, now - min(oldest, full_since if full_since is not None else now))
