"""Means over slots of time, whatever the times are."""

from process_readings.detect.members.slots import FIRST_GAPS, MOST_DOUBLINGS, MOST_READINGS, SLOTS, Slots

SECOND_US = 1_000_000


def begun(gap_us: int = SECOND_US) -> tuple[Slots, int]:
    """With a width, and the time of the first reading of the present slot."""
    slots = Slots()
    for at in range(FIRST_GAPS + 1):
        slots.learn(0.0, at * gap_us)
    return slots, FIRST_GAPS * gap_us


def test_a_slot_is_as_wide_as_the_first_readings_were_apart() -> None:
    slots, begin = begun()
    assert slots.width == SECOND_US
    assert [slots.ahead(begin + at * SECOND_US // 2) for at in (-9, 0, 1, 2, 5)] == [0, 0, 0, 1, 2]


def test_readings_of_a_slot_and_of_an_earlier_time_are_one_mean() -> None:
    slots, begin = begun()
    assert slots.learn(8.0, begin + SECOND_US)
    assert not slots.learn(9.0, begin + SECOND_US + 1)
    assert not slots.learn(10.0, begin)
    assert slots.learn(50.0, begin + 2 * SECOND_US)
    assert slots.means[-1] == 9.0


def test_empty_slots_count_with_the_mean_before_them() -> None:
    slots, begin = begun()
    for at in range(1, SLOTS // 3 + 1):
        assert not slots.is_full
        slots.learn(float(at), begin + 3 * at * SECOND_US)
    assert slots.is_full
    assert list(slots.means[-6:]) == [30.0, 30.0, 30.0, 31.0, 31.0, 31.0]
    slots.seen()
    assert not slots.is_full


def test_a_jump_beyond_all_slots_begins_anew_and_so_does_one_back() -> None:
    slots, begin = begun()
    slots.learn(1.0, begin + SECOND_US)
    for jump_us in (10 * SLOTS * SECOND_US, 0):
        assert slots.means
        assert slots.learn(2.0, begin + jump_us)
        assert list(slots.means) == []
        assert slots.learn(3.0, begin + jump_us + SECOND_US)
        assert list(slots.means) == [2.0]


def test_slots_become_wider_and_after_nine_times_as_wide_as_at_first() -> None:
    slots, begin = begun()
    for at in range(1, SLOTS + 1):
        slots.learn(float(at), begin + at * SECOND_US)
    slots.widen()
    assert slots.width == 2 * SECOND_US
    assert list(slots.means[:3]) == [0.5, 2.5, 4.5]
    assert len(slots.means) == SLOTS // 2
    for _ in range(MOST_DOUBLINGS - 1):
        slots.means = slots.means[: len(slots.means) // 2 * 2]
        slots.widen()
    assert slots.width == 2**MOST_DOUBLINGS * SECOND_US
    slots.widen()
    assert slots.width == SECOND_US
    assert list(slots.means) == []


def test_a_state_holds_the_widest_slots() -> None:
    slots, _ = begun(gap_us=1 << 57)
    for _ in range(MOST_DOUBLINGS):
        slots.widen()
    other = Slots()
    other.restore(slots.state())
    assert other.state() == slots.state()
    assert other.width == slots.width < 1 << 62


def test_a_slot_that_never_ends_still_has_a_state() -> None:
    slots, begin = begun()
    slots._count = MOST_READINGS - 1  # years of readings by a clock that stands still
    for _ in range(3):
        slots.learn(1.0, begin)
    other = Slots()
    other.restore(slots.state())
    assert other.state() == slots.state()
