"""Reads the dead letters' topic, and sends letters back to where they came from."""

from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from headrace.deadletter import TOPIC, DeadLetter
from headrace.errors import ConfigurationError, TerminalError
from headrace.kafka import RecordWriter, client_config, headers_of_message, offset_of
from headrace.range_reader import RangeReader

_ANSWER_S = 30.0
REPLAYABLE = ("readings.", "sources.")
"""Source topics of Kafka; a letter from an MQTT topic that no route knew has no place to go back to."""

SOURCES = "sources/"
"""Where a row was that a source refused: `sources/NAME/FILE`."""


PERSONAL = "personal/"
"""What was published under a route of people, by the route's name: `personal/ROUTE`. Its letter holds no body."""


class DeadLetters:
    """The dead letters as they are now, outside any consumer group."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers

    def read_all(self) -> Iterator[DeadLetter]:
        """All dead letters, partition by partition, in the order of their offsets.

        Raises:
            TransientError: the brokers do not answer.
        """
        topic = AdminClient(client_config(self._brokers)).list_topics(TOPIC, timeout=_ANSWER_S).topics.get(TOPIC)
        for partition in sorted(topic.partitions) if topic else ():
            yield from self._letters(partition)

    def read(self, partition: int, offset: int) -> DeadLetter:
        """One dead letter.

        Raises:
            ConfigurationError: there is none at this place.
        """
        for letter in self._letters(partition, offset):
            return letter
        raise ConfigurationError(f"no dead letter {partition}:{offset}; `headrace deadletters list` shows them")

    def _letters(self, partition: int, only: int | None = None) -> Iterator[DeadLetter]:
        with closing(RangeReader(self._brokers, TOPIC, partition)) as reader:
            low, high = reader.bounds()
            if only is None:
                reader.start(low, high)
            elif low <= only < high:
                reader.start(only, only + 1)
            while not reader.is_done:
                for message in reader.read():
                    yield from _letter(message, partition, offset_of(message))


def replay(writer: RecordWriter, letter: DeadLetter, body: bytes | None = None) -> str:
    """Queues a letter's record for its source topic; returns an empty text, or why it can't go back.

    Key and headers are the source's own, so the receive time and the identity stay, and twice is once.

    Args:
        body: a mended value in place of the original.
    """
    if letter.source.topic.startswith(SOURCES):
        return "came from a source: drop what is mended into its folder as a new file"
    if letter.source.topic.startswith(PERSONAL):
        return "was about people, so its body is not kept; publish it again, mended"
    if not letter.source.topic.startswith(REPLAYABLE):
        return "came from an MQTT topic without a route; add a route and publish it again"
    if letter.is_cut and body is None:
        return "only its beginning is kept; give the whole with --body"
    writer.produce(letter.source.topic, letter.value if body is None else body, letter.key, letter.headers)
    return ""


def _letter(message: Message, partition: int, offset: int) -> Iterator[DeadLetter]:
    try:
        yield DeadLetter.from_record(
            message.value(), message.key(), headers_of_message(message), position=(partition, offset)
        )
    except TerminalError:
        # Not written by Headrace; there is nothing to show or to replay.
        return
