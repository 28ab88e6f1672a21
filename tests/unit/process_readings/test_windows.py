"""Windows: exact, in event time, independent of batches and of the order of arrival."""

import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.records import Reading
from tests.unit.process_readings.driver import SECOND, T0, Driver, Raw, micros, stored_windows, telemetry, types_of


def test_window_is_written_when_the_watermark_passes_its_end_and_not_before() -> None:
    driver = Driver()
    driver.send(telemetry(1, flow=1.0), telemetry(9.999, flow=4.0))
    assert driver.windows() == []
    driver.send(telemetry(10, flow=9.0))
    (window,) = driver.windows()
    assert (window.start, window.width, window.count, window.final) == (T0, 10 * SECOND, 2, False)
    assert (window.min, window.max, window.mean, window.stddev) == (1.0, 4.0, 2.5, 1.5)
    assert (window.last, window.last_time) == (4.0, micros(9.999))


def test_statistics_are_those_of_the_standard_library() -> None:
    values = [0.1, 1e16, 0.3, -1e16, 7.7, 0.1]
    driver = Driver()
    driver.send(*(telemetry(index, flow=value) for index, value in enumerate(values)), telemetry(60, flow=0.0))
    window = driver.windows(60)[0]
    assert window.mean == statistics.fmean(values)
    assert window.stddev == pytest.approx(statistics.pstdev(values), rel=1e-12)


def test_equal_values_have_no_spread_and_their_mean() -> None:
    driver = Driver()
    driver.send(*(telemetry(index, flow=0.1) for index in range(7)), telemetry(60, flow=0.0))
    window = driver.windows(60)[0]
    assert (window.mean, window.stddev) == (0.1, 0.0)


@pytest.mark.parametrize("count", [1, 2])
def test_a_mean_of_minus_zero_is_zero_for_one_reading_as_for_more(count: int) -> None:
    driver = Driver()
    driver.send(*(telemetry(index, flow=-0.0) for index in range(count)), telemetry(60, flow=0.0))
    assert str(driver.windows(60)[0].mean) == "0.0"


def test_late_change_writes_the_window_again_with_a_higher_revision() -> None:
    driver = Driver()
    driver.send(telemetry(1, flow=1.0), telemetry(70, flow=2.0))
    before = stored_windows(driver.windows())
    driver.send(telemetry(5, at=71, flow=3.0))
    after = stored_windows(driver.windows())
    for width in (10, 60):
        key = ("meter", "flow", width * SECOND, T0)
        assert (before[key].count, after[key].count) == (1, 2)
        assert after[key].revision > before[key].revision
        assert after[key].last == 3.0
    assert driver.rules.counts.revisions == 2


def test_window_is_final_once_when_the_lateness_has_passed() -> None:
    driver = Driver(types_of(default={"allowed_lateness": 100}))
    driver.send(*(telemetry(index, flow=1.0) for index in range(0, 160, 10)))
    assert not any(window.final for window in driver.windows())
    driver.send(telemetry(160, flow=1.0))
    finals = [window for window in driver.windows() if window.final]
    assert sorted((w.width // SECOND, w.start - T0) for w in finals) == [
        *((10, second * SECOND) for second in range(0, 60, 10)),
        (60, 0),
    ]
    driver.send(telemetry(170, flow=1.0))
    assert [window for window in driver.windows() if window.final] == finals
    assert stored_windows(driver.windows())["meter", "flow", 60 * SECOND, T0].final


def test_reading_is_in_both_windows_or_in_neither() -> None:
    driver = Driver(types_of(default={"allowed_lateness": 0}))
    driver.send(telemetry(1, flow=1.0), telemetry(50, flow=1.0))
    driver.send(telemetry(2, at=51, flow=2.0))
    assert driver.late() == []
    driver.send(telemetry(60, flow=1.0))
    table = stored_windows(driver.windows())
    assert table["meter", "flow", 10 * SECOND, T0].count == 2
    assert table["meter", "flow", 60 * SECOND, T0].count == 3
    driver.send(telemetry(59, at=61, flow=9.0))
    assert len(driver.late()) == 1
    assert stored_windows(driver.windows()) == table


def test_a_fast_clock_makes_no_neighbour_late() -> None:
    driver = Driver()
    other = telemetry(100_000, at=100_000, flow=1.0)
    other.key = b"main/fast"
    slow = telemetry(0, at=100_001, flow=1.0)
    driver.send(telemetry(0, flow=0.5), other, slow)
    assert driver.late() == []


def test_readings_of_one_record_are_judged_by_the_watermark_before_it() -> None:
    newest_first = [{"ts": micros(second) / 1_000, "values": {"flow": 1.0}} for second in range(7_000, 0, -500)]
    driver = Driver()
    driver.send(Raw(json.dumps(newest_first).encode(), 7_000))
    assert driver.late() == []
    assert len(driver.clean()) == len(newest_first)
    assert sum(w.count for w in stored_windows(driver.windows(60)).values()) == len(newest_first) - 1


def test_window_that_a_record_changes_and_makes_final_is_written_once() -> None:
    driver = Driver()
    driver.send(telemetry(1, flow=1.0), telemetry(65, flow=1.0))
    before = len(driver.windows())
    both = [{"ts": micros(second) / 1_000, "flow": 2.0} for second in (5, 3_600)]
    driver.send(Raw(json.dumps(both).encode(), 3_600))
    written = [(w.width // SECOND, w.count, w.final) for w in driver.windows()[before:] if w.start == T0]
    assert sorted(written) == [(10, 2, True), (60, 2, True)]


@pytest.mark.parametrize("values", [(1.0, 2.0), (2.0, 1.0)])
def test_last_of_two_values_at_one_time_is_the_greater_in_any_order(values: tuple[float, float]) -> None:
    driver = Driver()
    driver.send(telemetry(1, flow=9.0), *(telemetry(5, flow=value) for value in values), telemetry(60, flow=0.0))
    assert [w.last for w in driver.windows(60)] == [2.0]


def test_integers_count_and_texts_booleans_and_odd_values_do_not() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["flow"], "range": [0, 10]}]}))
    driver.send(telemetry(0, flow=2, on=True, state="open"), telemetry(1, flow=99.0), telemetry(2, flow=4.0))
    driver.send(telemetry(60, flow=1.0))
    table = stored_windows(driver.windows(60))
    assert {(w.metric, w.count, w.max, w.last) for w in table.values()} == {("flow", 2, 4.0, 4.0)}


def test_idle_device_shows_its_open_windows_and_its_watermark_stays() -> None:
    driver = Driver(idle_after_s=10)
    driver.send(telemetry(1, flow=1.0), telemetry(2, flow=2.0))
    assert driver.idle(11) == []
    driver.idle(12.5)
    assert [(w.width // SECOND, w.count) for w in driver.windows()] == [(10, 2), (60, 2)]
    assert driver.idle(30) == []
    driver.send(telemetry(3, at=31, flow=3.0))
    assert len(driver.windows()) == 2, "the watermark did not move, so the window is open"
    driver.idle(45)
    assert [(w.width // SECOND, w.count) for w in driver.windows()[2:]] == [(10, 3), (60, 3)]
    driver.send(telemetry(60, flow=0.0))
    assert {(w.width // SECOND, w.count) for w in stored_windows(driver.windows()).values()} == {(10, 3), (60, 3)}


def test_window_shown_while_idle_is_not_written_again_unless_it_changed() -> None:
    driver = Driver(idle_after_s=10)
    driver.send(telemetry(1, flow=1.0))
    driver.idle(30)
    shown = driver.windows()
    driver.send(telemetry(65, flow=1.0))
    assert driver.windows() == shown


def test_quiet_device_among_busy_neighbours_shows_its_windows() -> None:
    driver = Driver(idle_after_s=10)
    driver.send(telemetry(1, flow=1.0))
    for second in range(2, 30):
        busy = telemetry(second, flow=1.0)
        busy.key = b"main/busy"
        driver.send(busy)
    assert [w.count for w in driver.windows(10) if w.device == "meter"] == [1]


def test_a_jump_of_years_is_no_work() -> None:
    driver = Driver()
    driver.send(Raw(b'{"ts": "2001-01-01T00:00:00Z", "flow": 1.0}', at=0), telemetry(0, flow=2.0))
    assert [(w.width // SECOND, w.count, w.final) for w in driver.windows()] == [(10, 1, True), (60, 1, True)]


VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
STREAMS = st.lists(
    st.tuples(st.integers(0, 900), VALUES, st.sampled_from(["a", "b"])),
    min_size=1,
    max_size=60,
    unique_by=lambda r: (r[0], r[2]),
)


def _records(stream: list[tuple[int, float, str]]) -> list[Raw]:
    records = []
    for index, (second, value, device) in enumerate(stream):
        record = telemetry(second, at=1_000 + index, flow=value)
        record.key = f"main/{device}".encode()
        records.append(record)
    return records


@given(stream=STREAMS, cuts=st.lists(st.integers(1, 59), max_size=8))
def test_outputs_do_not_depend_on_where_batches_are_cut(stream: list[tuple[int, float, str]], cuts: list[int]) -> None:
    whole, cut = Driver(), Driver()
    whole.send(*_records(stream))
    cut.send_in_batches(_records(stream), cuts)
    assert cut.outputs == whole.outputs
    assert cut.rules.counts == whole.rules.counts


@given(stream=STREAMS, shuffled=st.randoms(use_true_random=False))
def test_final_windows_and_readings_do_not_depend_on_the_order_of_arrival(stream, shuffled) -> None:  # type: ignore[no-untyped-def]  # hypothesis gives a Random of its own class
    results = []
    for order in (sorted(stream), shuffled.sample(stream, len(stream))):
        driver = Driver(types_of(default={"allowed_lateness": 960, "metrics": [{"match": ["*"], "detector": "none"}]}))
        driver.send(*_records(order))
        end = [(5_000, 0.0, device) for device in ("a", "b")]
        driver.send(*(record for record in _records(end)))
        finals = {(w.device, w.width, w.start): w for w in driver.windows() if w.final}
        table = stored_windows(driver.windows())
        assert all(table[w.device, "flow", w.width, w.start] == w for w in finals.values())
        results.append((finals, {_content(reading) for reading in driver.clean()}, driver.late()))
    assert results[0] == results[1]


def _content(reading: Reading) -> tuple[object, ...]:
    return (reading.device, reading.metric, reading.time, reading.number, reading.n)


@given(stream=STREAMS, repeated=st.lists(st.integers(0, 59), max_size=10))
def test_repeats_change_nothing(stream: list[tuple[int, float, str]], repeated: list[int]) -> None:
    types = types_of(default={"allowed_lateness": 960})
    once, twice = Driver(types), Driver(types)
    records = _records(stream)
    once.send(*records)
    again = [records[index] for index in repeated if index < len(records)]
    twice.send(*records, *again)
    assert twice.outputs == once.outputs
    assert twice.rules.counts.repeats == len(again)
