"""Of the records of `sources.pushed` those of one source, each push once, as sections of rows."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Message

from headrace.errors import Reason, TerminalError
from headrace.kafka import headers_of_message, offset_of
from headrace.pushed import Push
from ingest_sources.feeds.feed import Section
from ingest_sources.kafka_topics.topic_reader import place_of
from ingest_sources.pushed.push_rows import push_rows, whole
from ingest_sources.pushed.push_source import PushOptions
from ingest_sources.pushed.remembered import Remembered, Seen

_HOUR_MS = 3_600_000


class Inbox:
    """Where a source is in the topic, and what it remembers of each partition.

    Args:
        offsets: the next ones by `topic/partition`; records below them were delivered, and are remembered only.
        disputed: of each partition, as the cursor has it.
    """

    def __init__(
        self,
        source: str,
        options: PushOptions,
        offsets: Mapping[str, int],
        disputed: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._key = source.encode()
        self._options = options
        self._offsets = dict(offsets)
        self._remembered = {
            place: self._new_memory(disputed.get(place, {}), offset) for place, offset in offsets.items()
        }

    def cursor(self) -> dict[str, Any]:
        """A cursor with which another inbox goes on here and remembers the same."""
        since = {place: memory.since for place, memory in self._remembered.items() if memory.since is not None}
        disputed = {place: found for place, memory in self._remembered.items() if (found := memory.disputed)}
        return {"offsets": dict(self._offsets), "since": since, **({"disputed": disputed} if disputed else {})}

    def take(self, message: Message) -> list[Section]:
        """What a record gives: nothing where it is for another source, was delivered, or is a push sent again.

        Raises:
            ReaderLost: as `push_rows`.
        """
        place, offset, time_ms = place_of(message), offset_of(message), message.timestamp()[1]
        memory = self._remembered[place]
        is_old = offset < self._offsets[place]
        self._offsets[place] = max(self._offsets[place], offset + 1)
        if message.key() != self._key:
            memory.pass_time(time_ms)
            return []
        try:
            push = Push.from_record(message.value(), headers_of_message(message))
        except TerminalError as error:
            memory.pass_time(time_ms)
            rows = [whole(error.reason, error.detail, message.value() or b"")]
            return [] if is_old else [Section("push", each) for each in rows]
        seen = memory.note(offset, time_ms, push.id, push.body)
        return [] if is_old else self._sections(push, seen)

    def _sections(self, push: Push, seen: Seen) -> list[Section]:
        if seen is Seen.AGAIN:
            return []
        if seen is Seen.OTHER_BODY:
            detail = f"its webhook-id {push.id} came before with another body, which counts; a new body needs a new id"
            rows = [whole(Reason.INVALID_RECORD, detail, push.body)]
        else:
            rows = push_rows(push, self._options.csv)
        return [Section(f"push/{push.id}", each) for each in rows]

    def _new_memory(self, disputed: Mapping[str, str], until: int) -> Remembered:
        window_ms = round(self._options.remember_hours * _HOUR_MS)
        return Remembered(window_ms, self._options.remember_pushes, disputed=disputed, until=until)
