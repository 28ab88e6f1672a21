"""SenML in CBOR."""

from decimal import Decimal

import cbor2
import pytest

from headrace.errors import Reason
from headrace.raw import Format
from tests.unit.process_readings.decode.payloads import RECEIVED, readings_of, refusal_of

CBOR = Format.SENML_CBOR
RFC_EXAMPLE = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030"
    "363a22fb41d303a15b00106223614120050067766f6c74616765016156"
    "02fb405e066666666666a3006763757272656e74062402fb3ff333333333"
    "3333a3006763757272656e74062302fb3ff4cccccccccccda30067637572"
    "72656e74062202fb3ff6666666666666a3006763757272656e74062102f9"
    "3e00a3006763757272656e74062002fb3ff999999999999aa30067637572"
    "72656e74060002fb3ffb333333333333"
)
"""Section 6, figure 3."""


def test_example_of_the_rfc_is_read() -> None:
    readings = readings_of(RFC_EXAMPLE, CBOR, device="urn:dev:ow:10e2073a0108006")
    assert [(r.metric, r.number, r.unit) for r in readings] == [
        ("voltage", 120.1, "V"),
        *(("current", value, "A") for value in (1.2, 1.3, 1.4, 1.5, 1.6, 1.7)),
    ]
    first = 1_276_020_076_001_000
    assert [r.time - first for r in readings] == [0, -5_000_000, -4_000_000, -3_000_000, -2_000_000, -1_000_000, 0]
    assert {r.decoder for r in readings} == {"senml+cbor/1"}


def test_labels_may_be_text_and_numbers_of_any_kind() -> None:
    body = cbor2.dumps(
        [{-2: "boiler-1:", 0: "a", 2: Decimal("273.15")}, {"n": "b", "v": 2**64 - 1}, {0: "c", 4: False}]
    )
    assert [(r.metric, r.value) for r in readings_of(body, CBOR)] == [("a", 273.15), ("b", 2.0**64), ("c", False)]


def test_bytes_become_base64url() -> None:
    (reading,) = readings_of(cbor2.dumps([{0: "d", 8: b"\xfb\xff\xfe\x01"}]), CBOR)
    assert (reading.text, reading.flags, reading.time) == ("-__-AQ", ("base64",), RECEIVED)


def test_number_that_is_not_finite_is_flagged_text() -> None:
    body = cbor2.dumps([{0: "a", 2: float("nan")}, {0: "b", 2: float("-inf")}])
    assert [(r.text, r.flags) for r in readings_of(body, CBOR)] == [("nan", ("nan",)), ("-inf", ("nan",))]


def test_time_that_is_not_finite_is_refused() -> None:
    assert refusal_of(cbor2.dumps([{0: "a", 2: 1, 6: float("nan")}]), CBOR) is Reason.INVALID_TIME


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\x81",
        b"\x81\xa2\x00\x61a",
        b"\x81\xa2\x00\x61\xff\x02\x01",
        b"\x80\x80",
        b"\x81\xa3\x00\x61a\x02\x01\x02\x02",
        b"\x9b\x00\x00\x00\x10\x00\x00\x00\x00",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\xa2\x00\x61a\x02\xc1\x01",
        b"\x81\xa2\x00\x61a\x02\xc2\x41\x01",
        b"\x81\xa2\x00\x61a\x02\xc5\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\xd8\x1c\x81\xd8\x1d\x00",
        b"\xd8\x23\x64(a+)",
        b"\xd9\xd9\xf7\x80",
        b"not cbor",
    ],
    ids=lambda body: body.hex(),
)
def test_malformed_cbor_is_refused(body: bytes) -> None:
    assert refusal_of(body, CBOR) is Reason.MALFORMED_CBOR


def test_deep_cbor_is_refused() -> None:
    assert refusal_of(b"\x81" * 100_000 + b"\x00", CBOR) is Reason.TOO_DEEP


@pytest.mark.parametrize(
    "item",
    [
        {0: "a", 2: 1},
        [{0: "a", 2: 1, "v": 2}],
        [{0: "a", 8: "text"}],
        [{0: b"a", 2: 1}],
        [{0: "a", 2: None}],
        [{0: "a", 2: [1]}],
        [{-1: 11, 0: "a", 2: 1}],
        [{0: "a", 2: 1, "x_": 1}],
        [1],
        [],
    ],
)
def test_pack_that_breaks_a_rule_is_refused(item: object) -> None:
    assert refusal_of(cbor2.dumps(item), CBOR) is Reason.INVALID_SENML


def test_label_that_is_not_known_is_passed_over() -> None:
    (reading,) = readings_of(cbor2.dumps([{0: "a", 2: 1, 99: 5, "x": 1, (1,): 2}]), CBOR)
    assert (reading.metric, reading.value) == ("a", 1.0)
