"""Takes a queue's messages in rounds and acknowledges each when it is in Kafka; `delivered` says why it counts once."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import groupby

from headrace.errors import TransientError
from ingest_sources.feeds.feed import Cursor, FeedPart
from ingest_sources.rabbitmq.broker import Broker
from ingest_sources.rabbitmq.delivered import Delivered
from ingest_sources.rabbitmq.message import Message
from ingest_sources.rabbitmq.queue_rows import QueueRows, queue_rows
from ingest_sources.rabbitmq.rabbitmq_source import RabbitmqOptions
from ingest_sources.rabbitmq.round_size import RoundSize

_MOMENT_S = 0.2
_GATHER_S = 0.1
"""A round lasts so long from its first message: each costs two transactions."""
_SETTLE_S = 0.002
_ROUND_BYTES = 32 << 20
_UNSURE_BYTES = 4 * _ROUND_BYTES
"""Where the cursor doesn't say it."""
_SAMPLE = 10
_DEAD_HEARTBEATS = 3
"""After so many the broker has noticed that a connection is dead: it takes two for that."""
_MB = 1_000_000


@dataclass(frozen=True)
class _Round:
    part: FeedPart
    batches: list[list[Message]]
    rejected: frozenset[int]


class RabbitmqFeed:
    """Rows are numbered through; the cursor has the last number and the messages whose acknowledgement is unsure.

    Args:
        delivered: what the connections of this process before this one had.
    """

    def __init__(self, options: RabbitmqOptions, password: str, delivered: Delivered) -> None:
        self._options = options
        self._password = password
        self._delivered = delivered
        self._broker: Broker | None = None
        self._size = RoundSize(options.prefetch, _ROUND_BYTES)
        self._limit = 0
        self._unsure_bytes = 0
        self._round: _Round | None = None
        self._has_clear_cursor = True

    def parts(self, cursor: Cursor | None) -> Iterator[FeedPart | None]:
        cursor = cursor or {}
        end = int(cursor.get("rows", 0))
        self._delivered.resume(cursor.get("unsure", ()))
        self._unsure_bytes = int(cursor.get("unsure_bytes", _UNSURE_BYTES))
        broker = self._connected()
        if not self._options.shared:
            yield from self._until_alone(broker)
        while True:
            yield from self._gather(broker)
            new = self._delivered.split(broker.messages, self._complete(broker))
            rows = self._rows(broker, new, end)
            end = rows.end
            rejected = rows.unreadable if self._options.reject_to_dlx else frozenset()
            batches = list(_batches(broker.messages, rejected))
            self._round = _Round(FeedPart(rows.sections, self._cursor(end, batches)), batches, rejected)
            self._has_clear_cursor = False
            yield self._round.part
            # Asking for the next part has this one committed and acknowledged before the next begins.
            yield FeedPart((), self._cursor(end, []))
            while not self._has_clear_cursor:
                broker.wait(_SETTLE_S)
                yield None

    def committed(self, part: FeedPart) -> None:
        if self._round is None or part is not self._round.part:
            self._has_clear_cursor = True
            return
        broker = self._connected()
        self._delivered.note_committed(broker.messages)
        broker.acknowledge(self._round.batches, self._round.rejected)
        self._round = None

    def sample(self) -> FeedPart | None:
        broker = self._connected()
        # Nothing else lets one see messages. They go back to where they were, and are flagged as redelivered.
        while len(broker.messages) < _SAMPLE and broker.get():
            pass
        rows = self._rows(broker, broker.messages, 0)
        broker.give_back()
        return FeedPart(rows.sections, {})

    def close(self) -> None:
        if self._broker is not None:
            self._broker.close()

    def _connected(self) -> Broker:
        if self._broker is None:
            self._broker = Broker(self._options, self._password)
        return self._broker

    def _until_alone(self, broker: Broker) -> Iterator[None]:
        """A consumer of a former connection has messages that must come first; the broker soon finds it dead."""
        deadline = time.monotonic() + _DEAD_HEARTBEATS * self._options.heartbeat_seconds
        while (count := broker.count_consumers()) > 0:
            if time.monotonic() > deadline:
                raise TransientError(
                    f"queue {self._options.queue!r} has {count} other consumers, with which Headrace would share its "
                    "messages: end them, or set `shared: true`"
                )
            broker.wait(_MOMENT_S)
            yield None

    def _gather(self, broker: Broker) -> Generator[None, None, None]:
        self._limit = max(self._size.count, self._delivered.count_unsure)
        broker.consume(self._limit)
        broker.wait(_MOMENT_S)
        while not broker.messages:
            yield None
            broker.wait(_MOMENT_S)
        end = time.monotonic() + _GATHER_S
        while len(broker.messages) < self._limit and self._has_room(broker) and (left_s := end - time.monotonic()) > 0:
            broker.wait(left_s)

    def _has_room(self, broker: Broker) -> bool:
        is_full = len(broker.messages) >= self._limit or broker.bytes >= _ROUND_BYTES
        return not is_full or self._is_amid_unsure(broker)

    def _is_amid_unsure(self, broker: Broker) -> bool:
        """Whether what follows may be unsure still, which must come together to be known.

        It is no more than it was, in number and bytes; others can be flagged too.
        """
        is_less = broker.count_again < self._delivered.count_unsure and broker.bytes_again < self._unsure_bytes
        return is_less and broker.messages[-1].redelivered

    def _complete(self, broker: Broker) -> bool:
        """Ends the round so that `messages` are all that the broker gave out; returns whether the queue is empty.

        pika gives back what comes while a consumer is cancelled, and so to the head of the queue: it is fetched again.
        """
        broker.cancel()
        is_dry = self._fetch_given_back(broker)
        self._size.note([len(message.body) for message in broker.messages])
        return is_dry

    def _fetch_given_back(self, broker: Broker) -> bool:
        # Where the bytes end the round, what was given back stays there, flagged: of messages that are large and equal,
        # byte for byte, one could be taken for another if the process died just now. The next rounds are smaller.
        while self._has_room(broker):
            message = broker.get()
            if message is None or not message.redelivered:
                return message is None
        return False

    def _rows(self, broker: Broker, new: list[Message], end: int) -> QueueRows:
        options = self._options
        max_bytes = int(options.max_body_mb * _MB)
        return queue_rows(options.queue, broker.messages, new, end, options.columns, max_bytes)

    def _cursor(self, end: int, batches: list[list[Message]]) -> Cursor:
        unsure = self._delivered.unsure(batches)
        if not unsure:
            return {"rows": end}
        former = self._unsure_bytes if self._delivered.count_unsure else 0
        size = former + sum(len(message.body) for batch in batches for message in batch)
        return {"rows": end, "unsure": unsure, "unsure_bytes": size}


def rabbitmq_connector(options: RabbitmqOptions, password: str) -> Callable[[], RabbitmqFeed]:
    """Makes connections that know what those before them had."""
    delivered = Delivered(options.prefetch, _DEAD_HEARTBEATS * options.heartbeat_seconds)
    return lambda: RabbitmqFeed(options, password, delivered)


def _batches(messages: list[Message], rejected: frozenset[int]) -> Iterator[list[Message]]:
    """Those that are rejected one by one, and those between them."""
    for is_rejected, some in groupby(messages, lambda message: message.tag in rejected):
        batch = list(some)
        yield from ([message] for message in batch) if is_rejected else (batch,)
