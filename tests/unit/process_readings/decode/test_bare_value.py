"""Format `value`."""

import pytest

from headrace.errors import Reason
from headrace.raw import Format
from tests.unit.process_readings.decode.payloads import Value, readings_of, refusal_of

VALUE = Format.VALUE


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("21.5", 21.5),
        ("20.00", 20.0),
        ("1", 1),
        (" -7\n", -7),
        ("+3", 3),
        ("007", 7),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("ON", True),
        ("off", False),
        ("true", True),
        ("False", False),
        ("open", "open"),
        ("21,5", "21,5"),
        ("21.5 °C", "21.5 °C"),
        ('"eco"', "eco"),
        ("9223372036854775808", 9223372036854775808.0),
        ("1" * 40, 1.1111111111111111e39),
    ],
)
def test_bare_value_is_read_as_what_it_is(body: str, value: Value) -> None:
    (reading,) = readings_of(body, VALUE, metric="temp")
    assert (reading.metric, reading.value, type(reading.value)) == ("temp", value, type(value))
    assert (reading.flags, reading.time_source, reading.decoder) == ((), "received", "value/1")


@pytest.mark.parametrize(("body", "text"), [("nan", "nan"), ("NaN", "nan"), ("-inf", "-inf"), ("Infinity", "inf")])
def test_number_that_is_not_finite_is_flagged_text(body: str, text: str) -> None:
    (reading,) = readings_of(body, VALUE, metric="temp")
    assert (reading.number, reading.text, reading.flags) == (None, text, ("nan",))


def test_object_around_a_value_gives_its_time_and_unit() -> None:
    (reading,) = readings_of('{"time": 1656470510619, "value": 83.2, "unit": "F"}', VALUE, metric="air")
    assert (reading.metric, reading.value, reading.time, reading.unit) == ("air", 83.2, 1_656_470_510_619_000, "F")


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ('{"value": {"x": 1, "y": 2}}', [("m.x", 1), ("m.y", 2)]),
        ('{"value": 1, "nodeName": "hall"}', [("m", 1), ("m.nodeName", "hall")]),
        ('{"state": "online"}', [("m.state", "online")]),
        ("[1, 2]", [("m.0", 1), ("m.1", 2)]),
    ],
)
def test_members_are_named_under_the_metric(body: str, values: list[tuple[str, Value]]) -> None:
    assert [(r.metric, r.value) for r in readings_of(body, VALUE, metric="m")] == values


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"null", Reason.NO_READINGS),
        (b'{"value": null}', Reason.NO_READINGS),
        (b'{"value": 1', Reason.MALFORMED_JSON),
        (b'"half', Reason.MALFORMED_JSON),
        (b"\xff", Reason.INVALID_UTF8),
        (b"\x00\x01\x02", Reason.UNEXPECTED_SHAPE),
        (b"\xef\xbb\xbf", Reason.EMPTY_BODY),
        (b"x" * 65_537, Reason.TOO_LARGE),
    ],
)
def test_what_is_no_value_is_refused(body: bytes, reason: Reason) -> None:
    assert refusal_of(body, VALUE, metric="m") is reason


def test_value_needs_a_metric_from_the_topic() -> None:
    assert refusal_of("21.5", VALUE) is Reason.UNEXPECTED_SHAPE
