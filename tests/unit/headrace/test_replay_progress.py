"""How a replay's progress is told, and how its rate is bounded."""

from headrace.replay.pace import Pace
from headrace.replay.progress import LINE_EVERY_S, Lines
from headrace.testing import FakeClock


def test_lines_say_how_far_how_fast_and_how_much_longer() -> None:
    lines = Lines("copy", 10_000)
    assert lines.note(0, 100.0) == "copy: 0 of 10,000 records"
    assert lines.note(1_000, 100.0 + LINE_EVERY_S - 1) is None
    assert lines.note(2_500, 105.0) == "copy: 2,500 of 10,000 records, 500/s, 15 s left"


def test_the_end_is_said_once() -> None:
    lines = Lines("copy", 100)
    assert lines.note(0, 0.0)
    assert lines.note(100, 0.5) == "copy: 100 of 100 records, 200/s, 0 s left"
    assert lines.note(100, 0.6) is None


def test_rate_counts_from_the_first_call_so_that_a_resumed_replay_tells_its_own() -> None:
    lines = Lines("copy", 10_000)
    lines.note(9_000, 0.0)
    assert lines.note(9_500, 10.0) == "copy: 9,500 of 10,000 records, 50/s, 10 s left"


def test_callers_together_keep_to_the_pace() -> None:
    clock = FakeClock()
    pace = Pace(1_000, clock)
    assert pace.wait_s(100) == 0.1
    assert round(pace.wait_s(100), 6) == 0.2
    clock.advance(0.2)
    assert round(pace.wait_s(50), 6) == 0.05


def test_a_pause_gives_no_right_to_a_burst() -> None:
    clock = FakeClock()
    pace = Pace(1_000, clock)
    clock.advance(60)
    assert round(pace.wait_s(500), 6) == 0.5


def test_slow_pace_takes_small_batches_and_none_takes_all() -> None:
    assert Pace(1_000).batch_records(2_000) == 100
    assert Pace(3).batch_records(2_000) == 1
    assert Pace(None).batch_records(2_000) == 2_000
    assert Pace(None).wait_s(1_000_000) == 0.0
