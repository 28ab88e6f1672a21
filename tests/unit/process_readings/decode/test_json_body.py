"""Bodies that are not quite JSON, whatever the format around them."""

import time

import pytest

from headrace.errors import Reason
from headrace.raw import Format
from tests.unit.process_readings.decode.payloads import readings_of, refusal_of, values_of


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b'{"a": 1}}', b'{"a" 1}', b"{'a': 1}", b'{"a": 01}', b'{"a": 1,}', b'{"a":1}\x00', b"\x00\x00", b"nan"),
        *(b'{"a": "\\ud800"}', b'{"a": nano}', b'{"a": nan, "b": "\\ud800"}', b'{"a": 1e999}', b'{"a": nan'),
    ],
)
def test_malformed_json_is_refused(body: bytes) -> None:
    assert refusal_of(body) is Reason.MALFORMED_JSON


@pytest.mark.parametrize(
    "body", [b'{"a": "\xff"}', b'{"\xc3": 1}', b"\xff\xfe{\x00}\x00", b'{"a": nan, "b": "\xed\xa0\x80"}']
)
def test_wrong_utf8_is_refused(body: bytes) -> None:
    assert refusal_of(body) is Reason.INVALID_UTF8


def test_byte_order_mark_is_passed_over() -> None:
    assert values_of(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert refusal_of(b"\xef\xbb\xbf") is Reason.EMPTY_BODY


def test_words_for_numbers_that_are_not_finite_are_read_and_flagged() -> None:
    body = '{"a": nan, "b": [-inf, NaN], "c": {"d": Infinity}, "e": "nan", "f": "a \\" nan: inf", "g": 1.5}'
    assert [(r.metric, r.value, r.flags) for r in readings_of(body)] == [
        ("a", "nan", ("nan",)),
        ("b.0", "-inf", ("nan",)),
        ("b.1", "nan", ("nan",)),
        ("c.d", "inf", ("nan",)),
        ("e", "nan", ()),
        ("f", 'a " nan: inf', ()),
        ("g", 1.5, ()),
    ]


def test_32_levels_are_the_limit() -> None:
    assert values_of('{"a":' * 32 + "1" + "}" * 32) == {".".join("a" * 32): 1}
    assert refusal_of('{"a":' * 33 + "1" + "}" * 33) is Reason.TOO_DEEP
    assert refusal_of('{"a":' + "[" * 32 + "]" * 32 + "}") is Reason.TOO_DEEP


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "nan" + "]" * 100_000])
def test_a_hundred_thousand_levels_do_no_harm(body: str) -> None:
    assert refusal_of(body) is Reason.TOO_DEEP


@pytest.mark.parametrize(
    "body",
    [
        '{"a": 1, "a": 2}',
        '{"a": 1, "a": 1}',
        '{"a" : 1, "b": 2, "a"\n: 3}',
        '{"a": {"b": 1, "b": 2}}',
        '[{"a": 1}, {"b": {"c": 1, "c": 2}}]',
        '{"a": 1, "\\u0061": 2}',
        '{"a": nan, "a": 2}',
        '{"a": ":", "b": "x\\":", "a": "y"}',
    ],
)
def test_name_that_occurs_twice_is_refused(body: str) -> None:
    assert refusal_of(body) is Reason.UNEXPECTED_SHAPE


def test_text_that_looks_like_a_name_is_none() -> None:
    assert values_of('{"a": "\\"a\\":1", "b": "\\"a\\":2"}') == {"a": '"a":1', "b": '"a":2'}
    assert values_of('{"t": {"a": "10:13:52"}, "u": {"a": "::"}}') == {"t.a": "10:13:52", "u.a": "::"}


@pytest.mark.parametrize(
    "body",
    [
        '{"a": "' + '\\"' * 400_000,
        '{"a": nan, "b": "' + '\\"' * 400_000 + "\\",
        '{"a": nan' + '"' + " " * 800_000,
        '{"a": "' + '\\":' * 250_000 + '"}',
        "[" + "nan," * 200_000 + "nan]",
        '{"a": ' + "9" * 800_000 + "}",
        "[" + "[]," * 250_000 + "[]]",
    ],
    ids=["quotes", "quotes-after-nan", "blanks", "name-ends", "nans", "digits", "arrays"],
)
def test_largest_bodies_made_to_be_slow_take_no_time(body: str) -> None:
    started = time.process_time()
    assert refusal_of(body) in set(Reason)
    assert refusal_of(body, Format.VALUE, metric="m") in set(Reason)
    assert time.process_time() - started < 5
