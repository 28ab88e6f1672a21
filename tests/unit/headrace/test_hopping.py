"""Hopping windows against a plain model: whatever the batches, the restarts and the order of arrival."""

import pytest
from hypothesis import given

from headrace.streams.columns import KeyedColumns
from headrace.streams.hopping import HoppingWindows
from tests.unit.headrace.hopping_model import HOP, SIZE, HoppingModel
from tests.unit.headrace.window_streams import CUTS, LATENESS, streams
from tests.unit.headrace.windows_driver import Driver, Event, emitted, exact, run


def hopping(table: KeyedColumns, lateness: int, prefix: bytes) -> HoppingWindows:
    return HoppingWindows(table, SIZE, HOP, lateness, prefix)


def driver_of(lateness: int) -> Driver[HoppingWindows]:
    return Driver(hopping, lateness)


def at(time: int, value: float = 1.0, key: bytes = b"a") -> Event:
    return Event(key, time, value, 10_000)


@given(streams(), LATENESS, CUTS)
def test_emissions_are_those_of_the_model(events: list[Event], lateness: int, cuts: list[int]) -> None:
    model, driver = HoppingModel(lateness), run(driver_of(lateness), events, cuts)
    for event in events:
        model.take(event)
    assert exact(driver.emitted) == exact(model.emitted)
    scale = sum(abs(event.value) for event in events)
    assert [window.total for window in driver.emitted] == pytest.approx(
        [window.total for window in model.emitted], rel=1e-9, abs=1e-9 * scale
    )
    assert driver.late == model.late


@given(streams(), LATENESS, CUTS, CUTS)
def test_no_batching_and_no_restart_changes_a_bit(
    events: list[Event], lateness: int, cuts: list[int], others: list[int]
) -> None:
    first = run(driver_of(lateness), events, cuts)
    second = run(driver_of(lateness), events, others, restarts=True)
    assert repr(first.emitted) == repr(second.emitted)
    assert first.late == second.late
    first.checkpoint()
    second.checkpoint()
    assert first.log == second.log


def test_reading_is_in_each_window_that_covers_it() -> None:
    driver = driver_of(lateness=0)
    driver.send(at(7), at(100))
    assert [(one.start, one.end, one.count, one.final) for one in driver.emitted] == [
        (-5, 10, 1, True),
        (0, 15, 1, True),
        (5, 20, 1, True),
    ]


def test_window_is_final_when_the_lateness_has_passed_also_between_hops() -> None:
    driver = driver_of(lateness=1)
    driver.send(at(3), at(15))
    assert [(one.start, one.final) for one in driver.emitted] == [(-10, True), (-5, True), (0, False)]
    driver.send(at(16))
    assert [(one.start, one.final) for one in driver.emitted[3:]] == [(0, True)]


def test_reading_is_late_when_all_windows_that_cover_it_are_final() -> None:
    driver = driver_of(lateness=0)
    driver.send(at(20), at(9), at(10))
    assert driver.late == [at(9)]
    driver.send(at(100))
    assert [(one.start, one.count) for one in driver.emitted] == [(10, 2), (15, 1), (20, 1)]


def test_late_change_of_a_pane_is_emitted_for_each_window_that_is_passed_and_not_final() -> None:
    driver = driver_of(lateness=6)
    driver.send(at(3), at(15), at(2, 5.0))
    changed = driver.emitted[1:]
    assert [(one.start, one.count, one.total, one.final) for one in changed] == [
        (-5, 1, 1.0, False),
        (0, 1, 1.0, False),
        (-5, 2, 6.0, False),
        (0, 2, 6.0, False),
    ]


def test_keys_that_are_removed_give_their_windows_as_final_and_leave_nothing() -> None:
    driver = driver_of(lateness=100)
    driver.send(at(3), at(12), at(13, key=b"b"))
    driver.checkpoint()
    rows = driver.state.keys.rows([b"a"])
    windows = emitted(driver.state.windows.finish(rows))
    assert [(one.start, one.count, one.final) for one in windows] == [
        (-10, 1, True),
        (-5, 1, True),
        (0, 2, True),
        (5, 1, True),
        (10, 1, True),
    ]
    driver.state.keys.remove(rows)
    driver.checkpoint()
    assert [key for key in driver.log if b"a" in key] == []


def test_size_must_be_a_multiple_of_the_hop() -> None:
    with pytest.raises(ValueError, match="no multiple"):
        HoppingWindows(driver_of(0).state.keys, 10, 3, 0, b"h")
