"""Rows against a plain list, with restarts from their cells at any place."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from process_readings.rows import CHUNK_ROWS, KEPT_READINGS, Row, Rows

NEW = st.tuples(st.integers(-40, 3), st.sampled_from([1.0, 2.5]), st.sampled_from([0, 0, 0, 7, -1]))
"""Time relative to the newest one, value, print."""
IN_ORDER = st.integers(1, 200).map(lambda count: [(1, 1.0, 0)] * count)
STEPS = st.lists(
    st.one_of(st.lists(NEW, max_size=40), IN_ORDER, st.integers(0, 60), st.just("write"), st.just("restart"))
)


class Kept:
    """Rows and what was written of them."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.plain: list[Row] = []
        self.chunks: dict[int, bytes] = {}
        self.tail = b""
        self.newest = 0
        self.late_before = 0

    def add(self, lag: int, value: float, print_: int) -> None:
        time = max(self.newest + lag, self.late_before)
        self.newest = max(self.newest, time)
        position = bisect_right([row[0] for row in self.plain], time)
        self.plain.insert(position, (time, value, print_))
        self.rows.insert(position, time, value, print_)

    def write(self) -> None:
        for number, content in self.rows.take_chunks():
            if content is None:
                self.chunks.pop(number, None)
            else:
                self.chunks[number] = content
        self.tail = self.rows.tail()
        assert sorted(self.chunks) == list(self.rows.chunk_numbers())

    def restart(self) -> None:
        self.write()
        restored = Rows()
        restored.cut, restored.first_chunk = self.rows.cut, self.rows.first_chunk
        restored.restore([self.chunks[number] for number in sorted(self.chunks)], b"??" + self.tail + b"!", 2)
        self.rows = restored

    def content(self) -> list[Row]:
        rows = self.rows
        return [(time, rows.values[at], rows.print_at(at)) for at, time in enumerate(rows.times)]


@given(steps=STEPS)
def test_rows_are_those_of_a_plain_list_with_and_without_restarts(steps: list[list[Row] | int | str]) -> None:
    restarted, quiet = Kept(), Kept()
    for step in steps:
        for kept in (restarted, quiet):
            if isinstance(step, list):
                for new in step:
                    kept.add(*new)
            elif isinstance(step, int):
                kept.late_before = max(kept.late_before, kept.newest - step)
                kept.rows.truncate(kept.late_before)
                kept.plain = [row for row in kept.plain if row[0] >= kept.rows.cut]
            elif kept is restarted:
                kept.write() if step == "write" else kept.restart()
            assert kept.content() == kept.plain
    restarted.write()
    quiet.write()
    assert (restarted.chunks, restarted.tail) == (quiet.chunks, quiet.tail)


def test_the_newest_rows_stay_and_a_row_takes_16_bytes() -> None:
    kept = Kept()
    for _ in range(1_000):
        kept.add(1, 1.0, 0)
    kept.rows.truncate(1_000)
    kept.write()
    assert len(kept.rows.times) == KEPT_READINGS
    size = sum(map(len, kept.chunks.values())) + len(kept.tail)
    assert size <= 16 * (KEPT_READINGS + CHUNK_ROWS) + 3 * (len(kept.chunks) + 2)


def test_rows_of_one_time_are_forgotten_together() -> None:
    kept = Kept()
    for lag in [*[1] * 60, *[0] * 100]:
        kept.add(lag, 1.0, 0)
    assert kept.rows.truncate(1_000)
    assert list(kept.rows.times) == [60] * 101


def test_a_row_that_comes_late_into_a_gap_stays_after_a_restart() -> None:
    kept = Kept()
    for lag in [*[1] * 200, 800, *[1] * KEPT_READINGS]:
        kept.add(lag, 1.0, 0)
    assert kept.rows.truncate(500)
    kept.plain = [row for row in kept.plain if row[0] >= 500]
    kept.add(700 - kept.newest, 2.0, 0)
    kept.restart()
    assert kept.content() == kept.plain
    assert (700, 2.0, 0) in kept.content()
