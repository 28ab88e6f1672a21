"""Kafka → the newest sums of every arm and task."""

import threading
from collections.abc import Sequence

from confluent_kafka import Message

from headrace.experiments.recomputed import note_totals
from headrace.interactions.records import TOTALS, ExperimentTotals
from headrace.kafka import headers_of_message
from serve_api.recommendations.topic_reader import Followed, TopicReader


class FollowedTotals:
    """Any thread may ask."""

    def __init__(self, brokers: str) -> None:
        self._reader = TopicReader(brokers, "experiments", [Followed(TOTALS, self.take)])
        self._totals: dict[bytes, ExperimentTotals] = {}
        self._lock = threading.Lock()
        self._version = 0

    def start(self) -> None:
        self._reader.start()

    def stop(self) -> None:
        self._reader.stop()

    def failure(self) -> str | None:
        """What ended the following, if something did: the process should be restarted then."""
        return self._reader.failure()

    def take(self, messages: Sequence[Message]) -> None:
        """The next records of the topic."""
        with self._lock:
            for message in messages:
                note_totals(self._totals, message.key() or b"", message.value(), headers_of_message(message))
            self._version += 1

    def read(self) -> tuple[int, list[ExperimentTotals]] | None:
        """The sums now, with a version that grows when they change; None until all is read that was there before."""
        if not self._reader.has_read_all:
            return None
        with self._lock:
            return self._version, list(self._totals.values())
