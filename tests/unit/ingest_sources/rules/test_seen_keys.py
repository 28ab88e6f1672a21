"""What `unique` across parts has seen is the same however rows are cut into parts and wherever it is read again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_sources.rules.seen_keys import SLOT, SeenKeys


def expected(keys: list[int], within: int) -> list[bool]:
    """By the definition: a list of the last keys that passed."""
    passed: list[int] = []
    repeats = []
    for key in keys:
        repeats.append(key in passed[-within:])
        if not repeats[-1]:
            passed.append(key)
    return repeats


class Committed:
    """What a ledger keeps of the slots."""

    def __init__(self) -> None:
        self.slots: dict[int, bytes] = {}

    def write(self, seen: SeenKeys) -> int:
        taken = seen.take()
        self.slots.update(taken)
        return sum(len(slot.content) for slot in taken)


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=60), max_size=12),
    st.sampled_from([1, 2, 7, 30, 600]),
    st.data(),
)
def test_parts_failures_and_restarts_change_nothing(parts: list[list[int]], within: int, data: st.DataObject) -> None:
    seen, committed, found = SeenKeys(within), Committed(), []
    for part in parts:
        match data.draw(st.sampled_from(["ok", "fails", "killed"])):
            case "fails":
                seen.look(part)
                seen.undo()
            case "killed":
                seen.look(part)
                seen = SeenKeys(within)
                seen.restore(committed.slots)
        found += seen.look(part)
        committed.write(seen)
    assert found == expected([key for part in parts for key in part], within)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 3 * SLOT), min_size=1, max_size=6), st.sampled_from([SLOT - 1, SLOT, 2 * SLOT + 3]))
def test_the_ring_holds_the_last_keys_wherever_it_is_cut(sizes: list[int], within: int) -> None:
    seen, committed, end = SeenKeys(within), Committed(), 0
    for size in sizes:
        seen.look(range(end, end + size))
        end += size
        written = committed.write(seen)
        assert written <= 8 * (size + 2 * SLOT + 8)
    again = SeenKeys(within)
    again.restore(committed.slots)
    known = range(max(0, end - within), end)
    assert again.look(known) == [True] * len(known)
    assert again.look(range(known.start - 1, known.start)) == [False]
    again.undo()
    assert set(committed.slots) <= set(again.used())
    assert len(committed.slots) <= -(-within // SLOT) + 1


def test_a_key_that_left_the_window_is_new_again() -> None:
    seen = SeenKeys(2)
    assert seen.look([1, 2, 1, 3, 1, 3]) == [False, False, True, False, False, True]


def test_nothing_new_writes_nothing() -> None:
    seen = SeenKeys(10)
    seen.look([1])
    seen.take()
    assert seen.look([1]) == [True]
    assert seen.take() == []
