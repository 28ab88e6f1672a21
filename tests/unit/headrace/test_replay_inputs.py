"""Several inputs of a task come in the order in which they were appended."""

from collections.abc import Mapping

import pytest
from confluent_kafka import Message

from headrace.replay.ordered_inputs import OrderedInputs, Reader


class ListReader(Reader):
    """Gives records of (offset, milliseconds), and nothing at the calls that `gaps` counts."""

    def __init__(self, topic: str, records: list[tuple[int, int]], gaps: int = 0) -> None:
        self.topic, self.partition = topic, 0
        self.next_offset = self.end = 0
        self._records = records
        self._gaps = gaps

    @property
    def is_done(self) -> bool:
        return self.next_offset >= self.end

    def start(self, offset: int, end: int) -> None:
        self.next_offset, self.end = offset, end

    def read(self, max_records: int) -> list[Message]:
        self._gaps -= 1
        if self._gaps >= 0:
            return []
        found = [(offset, ms) for offset, ms in self._records if self.next_offset <= offset < self.end][:max_records]
        self.next_offset = found[-1][0] + 1 if found else self.end
        return [Message(self.topic, 0, offset, b"key", b"value", timestamp=(2, ms)) for offset, ms in found]

    def close(self) -> None:
        """Nothing is open."""


def read_all(inputs: OrderedInputs, starts: Mapping[str, int], ends: Mapping[str, int]) -> list[tuple[str, int]]:
    inputs.start(starts, ends)
    found = []
    while not inputs.is_done:
        if batch := inputs.read():
            found += [(batch.topic, offset) for offset in batch.offsets]
    return found


@pytest.mark.parametrize("max_records", [1, 2, 100])
@pytest.mark.parametrize("gaps", [0, 2])
def test_inputs_are_merged_by_append_time_whatever_the_batches(max_records: int, gaps: int) -> None:
    table = ListReader("table", [(0, 10), (1, 30), (2, 30), (5, 60)], gaps)
    stream = ListReader("stream", [(0, 20), (1, 30), (2, 40), (3, 50), (4, 70)])
    inputs = OrderedInputs([table, stream], max_records)
    assert read_all(inputs, {"table": 0, "stream": 0}, {"table": 6, "stream": 5}) == [
        ("table", 0),
        ("stream", 0),
        ("table", 1),
        ("table", 2),
        ("stream", 1),
        ("stream", 2),
        ("stream", 3),
        ("table", 5),
        ("stream", 4),
    ]


def test_order_of_one_millisecond_is_that_of_the_topics_after_a_restart_too() -> None:
    stream = ListReader("stream", [(0, 10), (1, 30), (2, 30)])
    table = ListReader("table", [(0, 20), (1, 30)])
    inputs = OrderedInputs([stream, table])
    whole = read_all(inputs, {"stream": 0, "table": 0}, {"stream": 3, "table": 2})
    assert whole == [("stream", 0), ("table", 0), ("stream", 1), ("stream", 2), ("table", 1)]
    assert read_all(inputs, {"stream": 2, "table": 1}, {"stream": 3, "table": 2}) == whole[3:]


def test_input_that_is_done_or_empty_holds_nothing_up() -> None:
    inputs = OrderedInputs([ListReader("table", []), ListReader("stream", [(7, 1), (9, 2)])])
    assert read_all(inputs, {"table": 3, "stream": 7}, {"table": 3, "stream": 12}) == [("stream", 7), ("stream", 9)]


def test_columns_are_those_of_the_records_in_microseconds() -> None:
    inputs = OrderedInputs([ListReader("stream", [(4, 1_000), (6, 1_001)])])
    inputs.start({"stream": 0}, {"stream": 10})
    batch = inputs.read()
    assert batch is not None
    assert (batch.topic, batch.partition, batch.offsets, batch.timestamps) == (
        "stream",
        0,
        [4, 6],
        [1_000_000, 1_001_000],
    )
    assert (batch.keys, batch.values, batch.headers) == ([b"key"] * 2, [b"value"] * 2, [()] * 2)
