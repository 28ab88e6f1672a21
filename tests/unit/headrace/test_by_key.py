"""A batch grouped by key and arranged in rounds, against plain dictionaries."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.by_key import by_key, rounds

ROWS = st.lists(st.sampled_from([0, 1, 2, 5, 65_535, 65_536, 65_541, 200_000]), min_size=1, max_size=60)


def positions_of(rows: list[int]) -> dict[int, list[int]]:
    found = defaultdict(list)
    for position, row in enumerate(rows):
        found[row].append(position)
    return found


@given(ROWS)
def test_runs_hold_each_key_in_arrival_order(rows: list[int]) -> None:
    group = by_key(np.array(rows))
    runs = {
        int(row): group.order[start : start + length].tolist()
        for row, start, length in zip(group.rows, group.starts, group.lengths, strict=True)
    }
    assert runs == positions_of(rows)
    assert list(runs) == sorted(runs)
    assert [rows[position] for position in group.order] == [
        rows[group.order[last]] for last in group.lasts.repeat(group.lengths)
    ]
    assert group.rows[group.run_of_each()].tolist() == [rows[position] for position in group.order]


@given(ROWS)
def test_round_k_holds_the_kth_record_of_each_key_that_has_one(rows: list[int]) -> None:
    arranged = rounds(by_key(np.array(rows)))
    expected = positions_of(rows)
    for number, part in enumerate(arranged.slices()):
        of_round = arranged.order[part].tolist()
        keys = arranged.rows[: len(of_round)].tolist()
        assert {key: expected[key][number] for key in keys} == dict(zip(keys, of_round, strict=True))
        assert set(keys) == {key for key, positions in expected.items() if len(positions) > number}
    assert sorted(arranged.order.tolist()) == list(range(len(rows)))
