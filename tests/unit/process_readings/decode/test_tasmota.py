"""Format `tasmota`."""

from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Reason
from headrace.raw import Format
from tests.unit.process_readings.decode.payloads import readings_of, refusal_of, values_of

TASMOTA = Format.TASMOTA
SENSOR = '{"Time":"2017-02-16T10:13:52","DS18B20":{"Id":"0316","Temperature":20.6}}'
AT = 1_487_240_032_000_000


def test_sensor_is_nested_and_its_time_is_local() -> None:
    assert values_of(SENSOR, TASMOTA) == {"DS18B20.Id": "0316", "DS18B20.Temperature": 20.6}
    assert {r.time for r in readings_of(SENSOR, TASMOTA)} == {AT}
    lisbon_summer = '{"Time":"2017-07-16T10:13:52","A":1}'
    (reading,) = readings_of(lisbon_summer, TASMOTA, zone=ZoneInfo("Europe/Lisbon"))
    assert reading.time == 1_500_196_432_000_000


def test_units_are_those_that_the_payload_names() -> None:
    body = (
        '{"Time":"2024-02-25T11:27:00","BME280":{"Temperature":25.1,"DewPoint":20.1,"Pressure":1013.2,"Humidity":65.5},'
        '"IRHVAC":{"Temp":18},"TempUnit":"F","PressureUnit":"mmHg"}'
    )
    assert {r.metric: r.unit for r in readings_of(body, TASMOTA)} == {
        "BME280.Temperature": "F",
        "BME280.DewPoint": "F",
        "BME280.Pressure": "mmHg",
        "BME280.Humidity": None,
        "IRHVAC.Temp": None,
    }


@pytest.mark.parametrize("name", ["StatusSNS", "StatusSTS"])
def test_answer_to_a_status_command_reads_like_the_message_it_repeats(name: str) -> None:
    asked, told = readings_of(f'{{"{name}":{SENSOR}}}', TASMOTA), readings_of(SENSOR, TASMOTA)
    assert asked == told


@pytest.mark.parametrize(
    ("body", "metric", "value"), [("ON", "POWER", "ON"), ("Online", "LWT", "Online"), ("56", "SHUTTER1", 56)]
)
def test_bare_body_is_a_reading_of_the_message_it_came_in(body: str, metric: str, value: str | int) -> None:
    assert values_of(body, TASMOTA, metric=metric) == {metric: value}
    assert refusal_of(body, TASMOTA) is Reason.UNEXPECTED_SHAPE


def test_bare_nan_leaves_the_other_sensors_readable() -> None:
    body = '{"Time":"2018-10-31T11:57:31","A":{"Temperature":17.1},"B":{"Temperature":nan},"TempUnit":"C"}'
    assert [(r.metric, r.value, r.unit, r.flags) for r in readings_of(body, TASMOTA)] == [
        ("A.Temperature", 17.1, "C", ()),
        ("B.Temperature", "nan", "C", ("nan",)),
    ]


def test_clock_before_the_first_time_sync_is_not_set() -> None:
    (reading,) = readings_of('{"Time":"1970-01-01T00:00:09","UptimeSec":9}', TASMOTA)
    assert (reading.time_source, reading.flags) == ("received", ("clock_unset",))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('"Time":"2017-10-02T19:24:32", "Total":1.753}', Reason.MALFORMED_JSON),
        ("[1]", Reason.UNEXPECTED_SHAPE),
        ('"text"', Reason.UNEXPECTED_SHAPE),
        ('{"Time":"soon","A":1}', Reason.INVALID_TIME),
        ('{"Time":"2017-10-02T19:24:32"}', Reason.NO_READINGS),
    ],
)
def test_what_tasmota_does_not_send_is_refused(body: str, reason: Reason) -> None:
    assert refusal_of(body, TASMOTA, metric="SENSOR") is reason
