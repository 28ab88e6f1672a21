"""Tumbling windows against a plain model: whatever the batches, the restarts and the order of arrival."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.columns import KeyedColumns
from headrace.streams.event_windows import EventWindows
from headrace.streams.tumbling import TumblingWindows
from tests.unit.headrace.tumbling_model import WIDTH, TumblingModel
from tests.unit.headrace.window_streams import CUTS, KEYS, LATENESS, VALUES, streams
from tests.unit.headrace.windows_driver import Driver, Emitted, Event, emitted, exact, run


def tumbling(table: KeyedColumns, lateness: int, prefix: bytes) -> EventWindows:
    return TumblingWindows(table, WIDTH, lateness, prefix)


def driver_of(lateness: int) -> Driver[EventWindows]:
    return Driver(tumbling, lateness)


@given(streams(), LATENESS, CUTS)
def test_emissions_are_those_of_the_model(events: list[Event], lateness: int, cuts: list[int]) -> None:
    model, driver = TumblingModel(lateness), run(driver_of(lateness), events, cuts)
    for event in events:
        model.take(event)
    assert exact(driver.emitted) == exact(model.emitted)
    scale = sum(abs(event.value) for event in events)
    assert [window.total for window in driver.emitted] == pytest.approx(
        [window.total for window in model.emitted], rel=1e-9, abs=1e-9 * scale
    )
    assert driver.late == model.late
    assert driver.clamped == sum(event.time > event.appended for event in events)


@given(streams(), LATENESS, CUTS, CUTS)
def test_no_batching_and_no_restart_changes_a_bit(
    events: list[Event], lateness: int, cuts: list[int], others: list[int]
) -> None:
    first, second = run(driver_of(lateness), events, cuts), run(driver_of(lateness), events, others, restarts=True)
    assert repr(first.emitted) == repr(second.emitted)
    assert first.late == second.late
    first.checkpoint()
    second.checkpoint()
    assert first.log == second.log


@given(st.data(), st.sampled_from([WIDTH, 25]))
def test_final_windows_do_not_depend_on_the_order_of_arrival(data: st.DataObject, lateness: int) -> None:
    times = st.integers(0, lateness)
    events = [
        Event(key, time, value, 1_000) for key, time, value in data.draw(st.lists(st.tuples(KEYS, times, VALUES)))
    ]
    closing = [Event(key, 500, 0.0, 1_000) for key in (b"a", b"b")]
    finals = []
    for order in (events, data.draw(st.permutations(events))):
        driver = run(driver_of(lateness), order, data.draw(CUTS))
        driver.send(*closing)
        assert driver.late == []
        finals.append({(one.key, one.start): one for one in driver.emitted if one.final})
    assert {key: replace(window, total=0.0) for key, window in finals[0].items()} == {
        key: replace(window, total=0.0) for key, window in finals[1].items()
    }
    for key, window in finals[0].items():
        assert window.total == pytest.approx(finals[1][key].total, rel=1e-9, abs=1e-9 * len(events) * 1e16)


def at(time: int, value: float = 1.0, key: bytes = b"a") -> Event:
    return Event(key, time, value, 10_000)


def test_window_is_emitted_when_the_watermark_passes_its_end_then_on_a_late_change_then_as_final() -> None:
    driver = driver_of(WIDTH)
    driver.send(at(1, 1.0), at(9, 3.0))
    assert driver.emitted == []
    driver.send(at(10))
    driver.send(at(5, -1.0))
    driver.send(at(20))
    first, second, third, fourth = driver.emitted
    assert first == Emitted(b"a", 0, 10, 2, 4.0, 1.0, 3.0, 3.0, 9, False, 4)
    assert second == Emitted(b"a", 0, 10, 3, 3.0, -1.0, 3.0, 3.0, 9, False, 6)
    assert third == replace(second, final=True, revision=7)
    assert (fourth.start, fourth.final) == (10, False)


def test_reading_is_late_once_the_lateness_of_its_window_has_passed() -> None:
    driver = driver_of(lateness=13)
    driver.send(at(22))
    driver.send(at(9))
    assert (driver.late, [one.count for one in driver.emitted]) == ([], [1])
    driver.send(at(23))
    driver.send(at(9))
    assert driver.late == [at(9)]
    assert [(one.count, one.final) for one in driver.emitted] == [(1, False), (1, True)]


def test_one_fast_clock_makes_no_neighbour_late() -> None:
    driver = driver_of(0)
    driver.send(at(9_000, key=b"fast"), at(1, key=b"slow"))
    driver.send(at(2, key=b"slow"), at(11, key=b"slow"))
    assert driver.late == []
    assert [(window.key, window.count) for window in driver.emitted] == [(b"slow", 2)]


def test_time_in_the_future_is_taken_as_the_append_time() -> None:
    driver = driver_of(0)
    driver.send(Event(b"a", 1_000_000, 1.0, 15), Event(b"a", 16, 2.0, 16), Event(b"a", 20, 3.0, 20))
    assert driver.clamped == 1
    assert [(window.start, window.count, window.last) for window in driver.emitted] == [(10, 2, 2.0)]


def test_sum_of_many_readings_is_the_same_for_any_batching() -> None:
    events = [at(1, value=1 / number) for number in range(1, 1_000)] + [at(10)]
    together, apart = run(driver_of(0), events, []), run(driver_of(0), events, list(range(0, 1_000, 3)))
    assert together.emitted[0].total == apart.emitted[0].total == sum(1 / number for number in range(1, 1_000))


def test_sign_of_zero_does_not_depend_on_the_order() -> None:
    for order in ((0.0, -0.0), (-0.0, 0.0)):
        driver = driver_of(0)
        driver.send(*(at(1, value) for value in order), at(10))
        assert repr(driver.emitted[0]) == repr(Emitted(b"a", 0, 10, 2, 0.0, 0.0, 0.0, 0.0, 1, True, 5))


def test_window_after_one_that_was_emitted_open_is_emitted_when_passed() -> None:
    driver = driver_of(WIDTH)
    driver.send(at(1))
    assert len(driver.state.windows.open_windows(10_000)) == 1
    driver.send(at(11), at(21))
    assert [(one.start, one.count, one.final) for one in driver.emitted] == [(0, 1, True), (10, 1, False)]


def test_open_window_of_a_quiet_key_is_emitted_once_and_moves_no_watermark() -> None:
    driver = driver_of(WIDTH)
    driver.send(at(12, 1.0), at(14, 2.0))
    subject = driver.state.windows
    assert emitted(subject.open_windows(9_999)) == []
    (window,) = emitted(subject.open_windows(10_000))
    assert (window.start, window.count, window.final, window.revision) == (10, 2, False, 4)
    assert emitted(subject.open_windows(10_000)) == []
    driver.restart()
    assert emitted(driver.state.windows.open_windows(10_000)) == []
    driver.send(at(13, 3.0))
    assert [one.count for one in emitted(driver.state.windows.open_windows(10_000))] == [3]
    driver.send(at(20))
    assert driver.emitted == []
    driver.send(at(30))
    assert [(one.start, one.count, one.final) for one in driver.emitted] == [(10, 3, True), (20, 1, False)]


def test_window_that_was_emitted_open_is_emitted_again_as_final() -> None:
    driver = driver_of(lateness=0)
    driver.send(at(1))
    assert [one.final for one in emitted(driver.state.windows.open_windows(10_000))] == [False]
    driver.send(at(10))
    assert [(one.start, one.final, one.revision) for one in driver.emitted] == [(0, True, 3)]


def test_keys_that_are_removed_give_their_windows_as_final_and_leave_nothing() -> None:
    driver = driver_of(3 * WIDTH)
    driver.send(at(1), at(11), at(21, key=b"b"))
    driver.checkpoint()
    rows = driver.state.keys.rows([b"b", b"a"])
    finals = emitted(driver.state.windows.finish(rows))
    driver.state.keys.remove(rows)
    assert [(one.key, one.start, one.final) for one in finals] == [(b"b", 20, True), (b"a", 0, True), (b"a", 10, True)]
    driver.checkpoint()
    assert driver.log == {}
    assert len(driver.state) == 0


def test_window_that_comes_and_goes_between_checkpoints_costs_no_cell() -> None:
    driver = driver_of(WIDTH)
    driver.send(*(at(time) for time in range(0, 1_000, 5)))
    assert len(driver.checkpoint()) <= 3
