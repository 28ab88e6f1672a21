"""When idle keys are swept out: before the same record, whatever the batches."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams import watermarks
from headrace.streams.by_key import by_key
from headrace.streams.columns import KeyedColumns

PERIOD = 100


def sweeps(appended: list[int], cuts: list[int]) -> list[tuple[int, int]]:
    """The positions before which a sweep is due, each with its append time."""
    found, newest = [], watermarks.BEGINNING
    bounds = sorted({0, len(appended), *(cut % (len(appended) + 1) for cut in cuts)})
    for begin, end in pairwise(bounds):
        covered = begin
        for due, part in watermarks.cut_at_sweeps(np.array(appended[begin:end]), newest, PERIOD):
            assert begin + part.start == covered
            covered = begin + part.stop
            if due is not None:
                found.append((begin + part.start, due))
        assert covered == end
        newest = max(newest, *appended[begin:end])
    return found


@given(st.lists(st.integers(-30, 250), min_size=1), st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40)))
def test_sweeps_do_not_depend_on_batches(steps: list[int], cuts: list[int], others: list[int]) -> None:
    appended = np.cumsum(steps).tolist()
    assert sweeps(appended, cuts) == sweeps(appended, others)


def test_sweep_is_due_at_the_first_record_of_a_period() -> None:
    assert sweeps([10, 99, 100, 90, 150, 450], []) == [(0, 0), (2, 100), (5, 400)]


def test_idle_keys_are_those_without_a_record_since() -> None:
    table = KeyedColumns(b"t", watermarks.COLUMNS)
    for key, appended in ((b"c", 5), (b"a", 5), (b"b", 7), (b"d", 9), (b"d", 5)):
        watermarks.advance(table, by_key(table.rows([key])), np.array([1]), np.array([appended]))
    assert table.keys(watermarks.idle_rows(table, 6)) == [b"a", b"c"]
    assert watermarks.newest_append(table) == 9
