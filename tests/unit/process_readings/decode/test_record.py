"""What every reading carries, and records that no format can save."""

import pytest

from headrace.errors import Reason, TerminalError
from headrace.raw import Format
from headrace.records import Origin, Reading
from process_readings.decode import decode_record
from tests.unit.process_readings.decode.payloads import APPENDED, RECEIVED, readings_of, refusal_of

ORIGIN = ("readings.raw", 2, 41)
JSON_HEADER = ("format", b"json")


def test_reading_carries_identity_origin_and_headers() -> None:
    headers = [JSON_HEADER, ("received", b"1700000000000000"), ("message_id", b"m-7"), ("mqtt.topic", b"t")]
    second = decode_record(b'{"a": 1.5, "b": 2, "seq": 9}', b"north/hall/lamp", headers, ORIGIN, APPENDED)[1]
    assert second == Reading(
        site="north",
        device="hall/lamp",
        metric="b",
        time=RECEIVED,
        time_source="received",
        received=RECEIVED,
        origin=Origin("readings.raw", 2, 41, 1),
        decoder="json/1",
        integer=2,
        seq=9,
        message_id="m-7",
    )


@pytest.mark.parametrize("received", [None, b"", b"soon", b"-5", b"99999999999999999999"])
def test_append_time_stands_in_for_a_receive_time_that_is_missing(received: bytes | None) -> None:
    headers = [JSON_HEADER, *([("received", received)] if received is not None else [])]
    (reading,) = decode_record(b'{"a": 1}', b"default/d", headers, ORIGIN, APPENDED)
    assert (reading.time, reading.received) == (APPENDED, APPENDED)


@pytest.mark.parametrize("body", [None, b"", b" \n"])
@pytest.mark.parametrize("form", [form for form in Format if form is not Format.SPARKPLUG])
def test_empty_body_is_refused_in_every_format(body: bytes | None, form: Format) -> None:
    with pytest.raises(TerminalError) as refused:
        decode_record(body, b"default/d", [("format", form.encode())], ORIGIN, APPENDED)
    assert refused.value.reason is Reason.EMPTY_BODY


@pytest.mark.parametrize("headers", [None, [], [("format", b"sparkplug")], [("format", b"\xff")]])
def test_format_without_a_decoder_is_refused(headers: list[tuple[str, bytes]] | None) -> None:
    with pytest.raises(TerminalError) as refused:
        decode_record(b'{"a": 1}', b"default/d", headers, ORIGIN, APPENDED)
    assert refused.value.reason is Reason.UNSUPPORTED_FORMAT


def test_key_that_names_no_device_is_refused() -> None:
    with pytest.raises(TerminalError) as refused:
        decode_record(b'{"a": 1}', b"default", [JSON_HEADER], ORIGIN, APPENDED)
    assert refused.value.reason is Reason.INVALID_RECORD


def test_payload_of_nulls_holds_no_reading() -> None:
    assert refusal_of('{"a": null, "b": {}, "c": []}') is Reason.NO_READINGS


def test_ten_thousand_readings_are_the_limit() -> None:
    assert len(readings_of(f'{{"a": [{",".join(["1"] * 10_000)}]}}')) == 10_000
    assert refusal_of(f'{{"a": [{",".join(["1"] * 10_001)}]}}') is Reason.TOO_LARGE


def test_text_and_names_have_limits() -> None:
    assert readings_of(f'{{"a": "{"x" * 65_536}"}}')[0].text == "x" * 65_536
    assert refusal_of(f'{{"a": "{"x" * 65_537}"}}') is Reason.TOO_LARGE
    assert refusal_of(f'{{"{"x" * 1_025}": 1}}') is Reason.TOO_LARGE
    assert refusal_of('{"": 1}') is Reason.UNEXPECTED_SHAPE
