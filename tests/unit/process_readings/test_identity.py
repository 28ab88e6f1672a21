"""Repeats are recognised, and different readings of one time never take each other's place."""

from process_readings.identity import HASHED_FROM, REMEMBERED
from process_readings.rows import KEPT_READINGS
from tests.unit.process_readings.driver import Driver, micros, telemetry


def test_same_reading_again_is_counted_and_fed_to_nothing() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.5))
    again = driver.send(telemetry(0, at=3, flow=1.5))
    assert again == []
    assert driver.rules.counts.repeats == 1
    driver.idle(60)
    assert [w.count for w in driver.windows(10)] == [1]


def test_repeat_out_of_order_is_recognised() -> None:
    driver = Driver()
    driver.send(*(telemetry(second, flow=float(second)) for second in range(50)))
    assert driver.send(telemetry(20, at=50, flow=20.0)) == []


def test_repeat_of_a_reading_that_came_out_of_order_is_recognised() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=0.0), telemetry(20, flow=1.0), telemetry(10, at=21, flow=2.0))
    assert driver.send(telemetry(10, at=22, flow=2.0)) == []
    assert driver.rules.counts.repeats == 1


def test_other_value_at_the_same_time_is_another_reading() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.5), telemetry(0, flow=2.5), telemetry(0, flow=3.5), telemetry(0, flow=2.5))
    assert [(r.number, r.n, r.flags) for r in driver.clean()] == [
        (1.5, 0, ()),
        (2.5, 1, ("conflict",)),
        (3.5, 2, ("conflict",)),
    ]
    assert driver.rules.counts.repeats == 1


def test_values_whose_hashes_are_equal_are_different_readings() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=-1, big=2**60, text="a"), telemetry(0, flow=-2, big=2**60 + 1, text="b"))
    assert [(r.metric, r.n) for r in driver.clean()] == [
        ("flow", 0),
        ("big", 0),
        ("text", 0),
        ("flow", 1),
        ("big", 1),
        ("text", 1),
    ]


def test_another_sequence_number_with_the_same_value_is_another_reading_without_conflict() -> None:
    driver = Driver()
    driver.send(telemetry(0, seq=7, flow=1.5), telemetry(0, seq=8, flow=1.5), telemetry(0, seq=7, flow=1.5))
    assert [(r.seq, r.n, r.flags) for r in driver.clean()] == [(7, 0, ()), (8, 1, ())]
    assert driver.rules.counts.repeats == 1


def test_message_id_joins_the_identity() -> None:
    driver = Driver()
    records = [telemetry(0, flow=1.5) for _ in range(3)]
    for record, message_id in zip(records, ("a", "b", "a"), strict=True):
        record.headers["message_id"] = message_id
    driver.send(*records)
    assert [(r.message_id, r.n) for r in driver.clean()] == [("a", 0), ("b", 1)]


def test_redelivery_without_a_time_is_recognised_by_its_message_id() -> None:
    driver = Driver()
    first, second = telemetry(None, at=0, flow=1.5), telemetry(None, at=9, flow=1.5)
    first.headers["message_id"] = second.headers["message_id"] = "a"
    driver.send(first, second)
    assert [(r.time, r.flags) for r in driver.clean()] == [(micros(0), ())]
    assert driver.rules.counts.repeats == 1


def test_reading_without_time_id_and_sequence_number_is_marked() -> None:
    driver = Driver()
    driver.send(telemetry(None, at=0, flow=1.5), telemetry(None, at=9, flow=1.5))
    assert [r.flags for r in driver.clean()] == [("no_identity",), ("no_identity",)]


def test_sequence_number_of_one_byte_may_come_round_without_a_loss() -> None:
    driver = Driver()
    count = 600
    assert REMEMBERED < 256
    driver.send(*(telemetry(None, at=index, seq=index % 256, flow=1.0) for index in range(count)))
    assert len(driver.clean()) == count


def test_late_reading_never_takes_the_place_of_another_and_is_the_same_row_twice() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.0), telemetry(3_600, flow=2.0))
    driver.send(*(telemetry(5, at=3_601 + index, flow=value) for index, value in enumerate((3.0, 4.0, 3.0))))
    late = driver.late()
    assert [r.number for r in late] == [3.0, 4.0, 3.0]
    assert late[0].n == late[2].n != late[1].n
    assert all(HASHED_FROM <= r.n < 2**31 and r.flags == ("late",) for r in late)
    assert driver.rules.counts.late == 3


def test_repeat_from_a_device_that_reports_rarely_is_recognised_beyond_the_lateness() -> None:
    driver = Driver()
    hour = 3_600
    newest = 3 * KEPT_READINGS - 10
    driver.send(*(telemetry(index * hour, flow=float(index)) for index in range(newest + 1)))
    for remembered in range(newest - KEPT_READINGS + 1, newest + 1):
        assert driver.send(telemetry(remembered * hour, at=newest * hour, flow=float(remembered))) == []


def test_memory_of_one_metric_is_bounded_by_the_lateness() -> None:
    driver = Driver()
    for minute in range(120):
        driver.send(*(telemetry(minute * 60 + second, flow=float(second)) for second in range(60)))
    series = driver.state.devices[b"main/meter"].series["flow"]
    assert len(series.times) == len(series.values) < 1_000
