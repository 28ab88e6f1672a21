"""Cleaning flags what is odd and hides nothing."""

import pytest

from tests.unit.process_readings.driver import Driver, Raw, micros, telemetry, types_of

SENML_UNIT = '[{{"n":"{metric}","u":"{unit}","v":{value},"t":{time}}}]'


def _in_unit(metric: str, unit: str, value: float) -> Raw:
    body = SENML_UNIT.format(metric=metric, unit=unit, value=value, time=micros(0) / 1e6)
    return Raw(body.encode(), 0, headers={"format": "senml+json"})


@pytest.mark.parametrize(
    ("canonical", "unit", "value", "expected"),
    [
        ("Cel", "K", 294.65, 21.5),
        ("Cel", "degF", 70.7, 21.5),
        ("hPa", "Pa", 101_325, 1_013.25),
        ("hPa", "inHg", 29.92, 1_013.2075),
        ("kWh", "J", 3_600_000, 1.0),
        ("l/s", "m3/h", 3.6, 1.0),
        ("B/s", "Mbit/s", 8, 1_000_000.0),
        ("%RH", "/", 0.5, 50.0),
    ],
)
def test_stated_units_become_canonical_ones(canonical: str, unit: str, value: float, expected: float) -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["m"], "unit": canonical}]}))
    driver.send(_in_unit("m", unit, value))
    (reading,) = driver.clean()
    assert reading.number == pytest.approx(expected, rel=1e-5)
    assert (reading.unit, reading.flags) == (canonical, ())


def test_unit_that_the_device_does_not_state_is_its_types() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["temp"], "unit": "Cel", "device_unit": "degF"}]}))
    driver.send(telemetry(0, temp=50))
    (reading,) = driver.clean()
    assert reading.value == pytest.approx(10.0)
    assert (reading.integer, reading.unit) == (None, "Cel")


def test_no_unit_is_made_up() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["temp"], "unit": "Cel", "range": [-40, 85]}]}))
    driver.send(telemetry(0, temp=50), telemetry(1, temp=90))
    assert [(r.integer, r.unit, r.flags) for r in driver.clean()] == [(50, None, ()), (90, None, ("out_of_range",))]


def test_unit_that_does_not_convert_stays_and_is_flagged() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["m"], "unit": "Cel", "range": [0, 10]}]}))
    driver.send(_in_unit("m", "kg", 80))
    (reading,) = driver.clean()
    assert (reading.value, reading.unit, reading.flags) == (80, "kg", ("unknown_unit",))


def test_range_is_checked_after_conversion() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["m"], "unit": "Cel", "range": [-40, 85]}]}))
    driver.send(_in_unit("m", "K", 300))
    assert driver.clean()[0].flags == ()


def test_out_of_range_is_flagged_kept_and_one_anomaly_a_run() -> None:
    driver = Driver(
        types_of(default={"metrics": [{"match": ["temp"], "unit": "Cel", "device_unit": "Cel", "range": [-55, 125]}]})
    )
    driver.send(*(telemetry(index, temp=value) for index, value in enumerate((20.0, -127.0, -127.0, 20.0, -127.0))))
    assert [(r.number, r.flags) for r in driver.clean()] == [
        (20.0, ()),
        (-127.0, ("out_of_range",)),
        (-127.0, ("out_of_range",)),
        (20.0, ()),
        (-127.0, ("out_of_range",)),
    ]
    anomalies = driver.anomalies()
    assert [(a.time, a.detector) for a in anomalies] == [(micros(1), "range"), (micros(4), "range")]
    assert anomalies[0].reason == "-127 is below the least possible value -55 Cel"
    assert anomalies[0].score > anomalies[0].threshold
    assert driver.rules.counts.anomalies["range"] == 2


def test_value_that_no_square_of_fits_a_double_is_out_of_range_for_every_metric() -> None:
    driver = Driver()
    driver.send(telemetry(0, m=1e200), telemetry(1, m=1.0), telemetry(60, m=1.0))
    assert driver.clean()[0].flags == ("out_of_range",)
    assert [w.max for w in driver.windows(60)] == [1.0]


def test_stuck_value_is_flagged_once_it_rests_long_enough() -> None:
    rule = {"match": ["flow"], "stuck": {"count": 3, "seconds": 4, "ignore": [0]}}
    driver = Driver(types_of(default={"metrics": [rule]}))
    values = [5.0, 5.0, 5.0, 5.0, 5.0, 6.0, 6.0, *[0.0] * 8]
    driver.send(*(telemetry(index, flow=value) for index, value in enumerate(values)))
    assert [index for index, r in enumerate(driver.clean()) if "stuck" in r.flags] == [4]


def test_metric_without_a_stuck_rule_never_is() -> None:
    driver = Driver()
    driver.send(*(telemetry(index, mode=3) for index in range(200)))
    assert not any(r.flags for r in driver.clean())


def test_clock_in_the_future_is_clamped_to_the_append_time() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.0), telemetry(7_200, at=5, flow=2.0), telemetry(6, flow=3.0))
    fast = driver.clean()[1]
    assert (fast.time, fast.device_time, fast.flags) == (micros(5), micros(7_200), ("future_clock",))
    assert driver.late() == []
    driver.send(telemetry(60, flow=0.0))
    assert driver.windows(60)[0].count == 3


def test_clock_within_the_tolerance_is_taken_as_it_is() -> None:
    driver = Driver()
    driver.send(telemetry(59, at=0, flow=1.0))
    assert (driver.clean()[0].time, driver.clean()[0].flags) == (micros(59), ())


def test_redelivery_with_a_clock_in_the_future_is_a_repeat() -> None:
    driver = Driver()
    driver.send(telemetry(7_200, at=5, flow=2.0))
    assert driver.send(telemetry(7_200, at=9, flow=2.0)) == []
    assert driver.rules.counts.repeats == 1


def test_readings_that_are_clamped_to_one_time_are_different_rows() -> None:
    driver = Driver()
    driver.send(telemetry(7_200, at=5, flow=2.0), telemetry(7_201, at=5, flow=2.0), telemetry(5, at=5, flow=2.0))
    readings = driver.clean()
    assert len({(r.time, r.n) for r in readings}) == 3
    assert readings[0].n >= 1 << 20 and readings[1].n >= 1 << 20


def test_no_number_is_kept_as_text_and_counts_nowhere() -> None:
    driver = Driver()
    driver.send(Raw(b'{"ts":%d,"flow":NaN,"level":2}' % (micros(0) // 1_000), 0), telemetry(60, flow=1.0))
    flow = driver.clean("flow")[0]
    assert (flow.text, flow.number, flow.flags) == ("nan", None, ("nan",))
    assert {w.metric for w in driver.windows(60)} == {"level"}


def test_flags_are_counted() -> None:
    driver = Driver()
    driver.send(telemetry(7_200, at=5, flow=2.0), telemetry(None, at=6, flow=1.0))
    assert driver.rules.counts.flags == {"future_clock": 1, "no_identity": 1}
