"""The newest predictions of a model, as columns."""

from collections.abc import Iterator
from contextlib import closing

from headrace.errors import TerminalError
from headrace.kafka import headers_of_message
from headrace.models.records import MADE, Prediction
from headrace.range_reader import RangeReader
from headrace.records import decode
from headrace.replay.ranges import find_ranges


def recent_predictions(brokers: str, model: str, since_us: int, most: int) -> list[Prediction]:
    """What clients were answered, of the newest records of `predictions.made`, whatever model they are of.

    Args:
        since_us: append time from which records count.
        most: records that are read, over all partitions.

    Raises:
        ConfigurationError: the topic is missing.
        TransientError: the brokers don't answer.
    """
    ranges = find_ranges(brokers, [MADE], since_us, None)[MADE]
    each = max(1, most // len(ranges))
    found: list[Prediction] = []
    for partition, (start, end) in enumerate(ranges):
        found += _of_partition(brokers, partition, max(start, end - each), end, model)
    return found


def _of_partition(brokers: str, partition: int, start: int, end: int, model: str) -> Iterator[Prediction]:
    with closing(RangeReader(brokers, MADE, partition)) as reader:
        reader.start(start, end)
        while not reader.is_done:
            for message in reader.read():
                try:
                    record = decode(message.value(), headers_of_message(message))
                except TerminalError:
                    # Whoever wrote it is told elsewhere; here it is one of many.
                    continue
                if isinstance(record, Prediction) and record.model == model and record.role != "shadow":
                    yield record
