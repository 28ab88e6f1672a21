"""Which messages are in Kafka already although the broker sends them again.

A message that comes again after a failure is told from another one that is equal to it, byte for byte, by *when* its
identity counts, not by the identity alone. Messages are delivered in rounds:

1. The consumer takes at most `prefetch` messages and is cancelled. So the broker has given out these and no others.
2. Kafka commits their rows, with the identities of the round as `unsure` in the cursor.
3. They are acknowledged, and the broker confirms that.
4. Kafka commits a cursor without these identities. Only then the consumer takes more.

A process that dies before 2 finds no identity: what comes again is new. One that dies after 2 finds those of the round.
Either the acknowledgement, which is one for all of them, did not reach the broker: then all of them come again, flagged
as redelivered and ahead of others, so within one round. Or it did: then none comes again, and as nothing else was given
out, none is flagged. So a *batch*, what is acknowledged at once, is known if all of its identities come flagged in one
round (a multiset: equal ones count), and otherwise nothing of it is. It is then part of the new round, as it has to be
acknowledged again: however often the acknowledgement is lost, it stays unsure until one is confirmed. A round has at
most `prefetch` messages, hence so many identities, each 16 bytes of text in the cursor. (With `reject_to_dlx` a round
has several batches, as a rejection is apart from the acknowledgements around it.) Large messages end a round earlier,
but never amid what is unsure: it has room for the number and the bytes of that, which the cursor has too.

A batch that did not come again stays unsure until the broker has surely noticed that the former connection is dead
(after a network failure it still holds what that one had) and the queue gave a message that was never delivered, or ran
dry: what is given back goes to the head of a queue. Meanwhile a second death could make others come flagged, but hardly
all of such a batch. An equal message that comes without the flag takes its identity out of it at once: where messages
repeat, an identity proves nothing, and a loss would be worse than a repeat.

A broker that is killed forgets acknowledgements it had confirmed: RabbitMQ 3.10 was seen to lose 12,000 at once from a
busy classic queue, as it keeps up to 32,768 changes before it writes them. Then it flags all messages. So this process
also remembers what it acknowledged lately; an identity that came more than once counts for nothing there.
"""

import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ingest_sources.rabbitmq.message import IDENTITY_BYTES, Message

_REMEMBERED = 40_000
_REMEMBERED_S = 60.0
_UNSURE_ROUNDS = 4
"""Of so many rounds at most: more would need as many deaths, each before the broker noticed the one before."""
_TAKEN, _COMMITTED, _REPEATED = range(3)


class Delivered:
    """What one process knows; its connections follow each other.

    Args:
        prefetch: messages of a round, at most.
        grace_s: after so long the broker has surely noticed that a former connection is dead.
    """

    def __init__(self, prefetch: int, grace_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._prefetch = prefetch
        self._grace_s = grace_s
        self._clock = clock
        self._unsure: list[Counter[bytes]] = []
        self._since = clock()
        self._recent: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}
        self._turned = clock()

    @property
    def count_unsure(self) -> int:
        """How many messages a round must have room for, as a batch counts only as a whole."""
        return sum(batch.total() for batch in self._unsure)

    def resume(self, unsure: Sequence[str]) -> None:
        """A new connection begins.

        Args:
            unsure: as the committed cursor has it.
        """
        self._unsure = [Counter(_identities(batch)) for batch in unsure]
        self._since = self._clock()

    def split(self, messages: Sequence[Message], is_dry: bool) -> list[Message]:
        """Returns those messages of a round that are not in Kafka.

        Args:
            is_dry: the queue had no more than these.
        """
        self._forget_old()
        again = self._come_again(Counter(message.identity for message in messages if message.redelivered))
        fresh = {message.identity for message in messages if not message.redelivered}
        self._unsure = [rest for batch in self._unsure if (rest := _without(batch, fresh))]
        new = [message for message in messages if not self._is_known(message, again)]
        if (is_dry or fresh) and self._clock() - self._since > self._grace_s:
            self._unsure.clear()
        return new

    def unsure(self, batches: Iterable[Sequence[Message]] = ()) -> list[str]:
        """What the cursor has to hold once the rows of these are in Kafka, until they are acknowledged.

        Args:
            batches: messages that are acknowledged at once.
        """
        found = [b"".join(message.identity for message in batch) for batch in batches if batch]
        room = _UNSURE_ROUNDS * self._prefetch - sum(map(len, found)) // IDENTITY_BYTES
        for batch in self._unsure:
            if (room := room - batch.total()) < 0:
                break
            found.append(b"".join(batch.elements()))
        return [b64encode(batch).decode() for batch in found]

    def note_committed(self, messages: Iterable[Message]) -> None:
        """The rows of these are in Kafka."""
        for message in messages:
            if self._state(message.identity) in (None, _TAKEN):
                self._recent[message.identity] = _COMMITTED

    def _come_again(self, flagged: Counter[bytes]) -> Counter[bytes]:
        """Takes the batches that came out of the unsure ones."""
        again: Counter[bytes] = Counter()
        rest = []
        for batch in self._unsure:
            if batch + again <= flagged:
                again += batch
            else:
                rest.append(batch)
        self._unsure = rest
        return again

    def _is_known(self, message: Message, again: Counter[bytes]) -> bool:
        identity = message.identity
        state = self._state(identity)
        if not message.redelivered:
            self._recent[identity] = _TAKEN if state is None else _REPEATED
            return False
        if again[identity] > 0:
            again[identity] -= 1
            return True
        if state is None:
            self._recent[identity] = _TAKEN
        return state == _COMMITTED

    def _state(self, identity: bytes) -> int | None:
        return self._recent.get(identity, self._older.get(identity))

    def _forget_old(self) -> None:
        now = self._clock()
        if now - self._turned > 2 * _REMEMBERED_S:
            self._recent = {}
        if len(self._recent) >= _REMEMBERED or now - self._turned > _REMEMBERED_S:
            self._recent, self._older, self._turned = {}, self._recent, now


def _without(batch: Counter[bytes], fresh: set[bytes]) -> Counter[bytes]:
    if fresh.isdisjoint(batch):
        return batch
    return Counter({identity: count for identity, count in batch.items() if identity not in fresh})


def _identities(text: str) -> list[bytes]:
    data = b64decode(text)
    return [data[place : place + IDENTITY_BYTES] for place in range(0, len(data), IDENTITY_BYTES)]
