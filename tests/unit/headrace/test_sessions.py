"""Session windows against a plain model: whatever the batches, the restarts and the order of arrival."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.columns import KeyedColumns
from headrace.streams.event_windows import EventWindows
from headrace.streams.sessions import SessionWindows
from tests.unit.headrace.sessions_model import GAP, SessionModel
from tests.unit.headrace.window_streams import CUTS, KEYS, LATENESS, VALUES, streams
from tests.unit.headrace.windows_driver import Driver, Emitted, Event, emitted, exact, run


def sessions(table: KeyedColumns, lateness: int, prefix: bytes) -> EventWindows:
    return SessionWindows(table, GAP, lateness, prefix)


def driver_of(lateness: int) -> Driver[EventWindows]:
    return Driver(sessions, lateness)


def at(time: int, value: float = 1.0, key: bytes = b"a") -> Event:
    return Event(key, time, value, 10_000)


@given(streams(), LATENESS, CUTS)
def test_emissions_are_those_of_the_model(events: list[Event], lateness: int, cuts: list[int]) -> None:
    model, driver = SessionModel(lateness), run(driver_of(lateness), events, cuts)
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


@given(st.data(), st.sampled_from([20, 45]))
def test_final_sessions_do_not_depend_on_the_order_of_arrival(data: st.DataObject, lateness: int) -> None:
    times = st.integers(0, lateness)
    events = [
        Event(key, time, value, 1_000) for key, time, value in data.draw(st.lists(st.tuples(KEYS, times, VALUES)))
    ]
    finals = []
    for order in (events, data.draw(st.permutations(events))):
        driver = run(driver_of(lateness), order, data.draw(CUTS))
        driver.send(*(Event(key, 500, 0.0, 1_000) for key in (b"a", b"b")))
        assert driver.late == []
        table = {(one.key, one.start): one for one in sorted(driver.emitted, key=lambda one: one.revision)}
        assert all(one.final for one in table.values())
        finals.append({key: one for key, one in table.items() if one.count})
    assert exact(finals[0][key] for key in sorted(finals[0])) == exact(finals[1][key] for key in sorted(finals[1]))


def test_session_is_emitted_a_gap_after_its_last_reading() -> None:
    driver = driver_of(lateness=0)
    driver.send(at(0, 1.0), at(9, 5.0), at(18, 3.0), at(27))
    assert driver.emitted == []
    driver.send(at(37))
    assert driver.emitted == [Emitted(b"a", 0, 37, 4, 10.0, 1.0, 5.0, 1.0, 27, True, 9)]


def test_late_reading_that_joins_two_sessions_takes_the_second_one_back() -> None:
    driver = driver_of(lateness=100)
    driver.send(at(0), at(16), at(40))
    assert [(one.start, one.count) for one in driver.emitted] == [(0, 1), (16, 1)]
    driver.send(at(8, 7.0))
    joined, gone = driver.emitted[2:]
    assert (joined.start, joined.end, joined.count, joined.final) == (0, 26, 3, False)
    assert (gone.start, gone.count, gone.final, gone.revision) == (16, 0, True, 3)
    driver.send(at(200))
    assert [(one.start, one.count, one.revision) for one in driver.emitted if one.final and one.count] == [
        (0, 3, 7),
        (40, 1, 3),
    ]


def test_reading_that_moves_the_start_of_an_emitted_session_takes_its_identity_back() -> None:
    driver = driver_of(lateness=100)
    driver.send(at(20))
    assert [one.start for one in emitted(driver.state.windows.open_windows(10_000))] == [20]
    driver.send(at(15), at(30))
    assert [(one.start, one.count, one.final) for one in driver.emitted] == [(20, 0, True), (15, 2, False)]


def test_one_fast_clock_ends_no_session_of_a_neighbour() -> None:
    driver = driver_of(lateness=0)
    driver.send(at(9_000, key=b"fast"), at(1, key=b"slow"), at(2, key=b"slow"))
    assert (driver.emitted, driver.late) == ([], [])


def test_keys_that_are_removed_give_their_sessions_as_final_and_leave_nothing() -> None:
    driver = driver_of(lateness=100)
    driver.send(at(0), at(20), at(21, key=b"b"))
    driver.checkpoint()
    rows = driver.state.keys.rows([b"a"])
    assert [(one.start, one.final) for one in emitted(driver.state.windows.finish(rows))] == [(0, True), (20, True)]
    driver.state.keys.remove(rows)
    driver.checkpoint()
    assert [key for key in driver.log if b"a" in key] == []
