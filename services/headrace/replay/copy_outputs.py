"""Copies what a replay wrote into the live topics: each record once, whatever is killed."""

import threading

from confluent_kafka import Message

from headrace.deadletter import PREFIX as DEADLETTER_PREFIX
from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.kafka import headers_of_message
from headrace.range_reader import RangeReader
from headrace.replay.lost_producer import explained
from headrace.replay.plan import Ranges, offsets_in
from headrace.replay.plans import copied_key
from headrace.replay.ranges import find_ranges
from headrace.replay.replay_run import View
from headrace.replay.replayable import Replay
from headrace.replay.replays_topic import PARTITION, ReplaysTopic
from headrace.replay.replays_topic import TOPIC as REPLAYS
from headrace.replay.stage_replay import OnProgress
from headrace.streams.batch import OutRecord
from headrace.streams.task import OnStep, no_step
from headrace.streams.transaction import AbortRequired, KafkaTransactions, sizes_of

HEADER = "replay"
"""On every copy: the replay's name."""
MAX_BYTES = 8_000_000
_ATTEMPTS = 5


class OutputCopy:
    """One run of the copying; a later one goes on where it ended.

    The position in a versioned topic is written in the transaction of the copies, so a copy is there once.

    Args:
        on_step: told "copying" before each commit and "copied" after it.
    """

    def __init__(self, replay: Replay, stop: threading.Event, on_step: OnStep = no_step) -> None:
        self._replay = replay
        self._stop = stop
        self._on_step = on_step
        self._transactions = KafkaTransactions(replay.brokers, f"{replay.topology.name}.copy")
        self._base = {own: live for live, own in replay.copied.items()}
        self._kept: dict[str, bytes] = {}
        self._done = 0

    def run(self, view: View) -> bool:
        """Copies up to the present end of the versioned topics; returns whether it came so far."""
        try:
            self._transactions.start()
            ranges = find_ranges(self._replay.brokers, self._base, 0, None)
            with view("copy", offsets_in(ranges)) as on_progress, explained():
                return self._copy_all(ranges, on_progress)
        finally:
            self._transactions.close()

    def _copy_all(self, ranges: Ranges, on_progress: OnProgress) -> bool:
        self._kept = ReplaysTopic(self._replay.brokers).read()
        for topic, partitions in ranges.items():
            for number, (start, end) in enumerate(partitions):
                self._retry(topic, number, start, end, on_progress)
                if self._stop.is_set():
                    return False
                self._done += end - start
                on_progress(self._done)
        return True

    def _retry(self, topic: str, number: int, start: int, end: int, on_progress: OnProgress) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._copy(topic, number, start, end, on_progress)
                return
            except AbortRequired:
                self._transactions.abort()
                if attempt == _ATTEMPTS - 1:
                    raise

    def _copy(self, topic: str, number: int, start: int, end: int, on_progress: OnProgress) -> None:
        reader = RangeReader(self._replay.brokers, topic, number)
        size = 0
        try:
            reader.start(int(self._kept.get(copied_key(self._replay.name, topic, number), start)), end)
            while not (reader.is_done or self._stop.is_set()):
                size += sum(self._produce(topic, number, message) for message in reader.read())
                at = min(reader.next_offset, end)
                if size >= MAX_BYTES:
                    self._commit(topic, number, at)
                    size = 0
                on_progress(self._done + at - start)
            if size:
                self._commit(topic, number, min(reader.next_offset, end))
        finally:
            reader.close()

    def _commit(self, topic: str, number: int, at: int) -> None:
        key, value = copied_key(self._replay.name, topic, number), b"%d" % at
        self._transactions.produce([OutRecord(REPLAYS, key.encode(), value, (), PARTITION)])
        self._on_step("copying")
        self._transactions.commit()
        self._kept[key] = value
        self._on_step("copied")

    def _produce(self, topic: str, number: int, message: Message) -> int:
        """Returns the copy's bytes."""
        live = self._base[topic]
        # A header that begins so is not given back to the source, when a dead letter is replayed.
        name = DEADLETTER_PREFIX + HEADER if live == DEADLETTERS else HEADER
        headers = [*headers_of_message(message), (name, self._replay.name.encode())]
        record = OutRecord(live, message.key(), message.value(), headers, number)
        self._transactions.produce([record])
        return sizes_of([record])[0]
