"""The short way for plain messages gives what the way for all messages gives, byte for byte."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.streams import OutRecord
from process_readings.decode.collector import MAX_NAME
from tests.unit.process_readings.driver import Driver, Raw, micros, telemetry
from tests.unit.process_readings.raw_streams import eventful_types, raw_stream, without_stacks

BOM = b"\xef\xbb\xbf"
"""Before a body it changes nothing, but the short way does not know it."""
MS = micros(0) // 1_000


def _behind_bom(record: Raw) -> Raw:
    is_json = record.headers.get("format", "json") == "json" and record.value
    return Raw(BOM + record.value if is_json else record.value, record.at, record.key, record.headers)


def _comparable(outputs: list[OutRecord]) -> list[OutRecord]:
    return [
        record._replace(value=(record.value or b"").removeprefix(BOM)) if record.topic == "deadletters" else record
        for record in without_stacks(outputs)
    ]


def _check(records: list[Raw]) -> Driver:
    short, general = Driver(eventful_types()), Driver(eventful_types())
    short.send(*records)
    general.send(*map(_behind_bom, records))
    assert _comparable(short.outputs) == _comparable(general.outputs)
    assert short.rules.counts == general.rules.counts
    short.checkpoint()
    general.checkpoint()
    assert short.cells == general.cells
    return short


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
@settings(deadline=None)
def test_both_ways_give_the_same(seed: int, count: int) -> None:
    _check(raw_stream(Random(seed), count))


def test_both_ways_give_the_same_in_a_long_stream() -> None:
    _check(raw_stream(Random(0), 3_000))


NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**70), 2**70), st.integers(-9, 9))


@given(values=st.lists(st.dictionaries(st.text(max_size=5), NUMBERS, max_size=4), max_size=5), wrapped=st.booleans())
@settings(deadline=None)
def test_both_ways_give_the_same_for_all_numbers_and_names(values: list[dict[str, float]], wrapped: bool) -> None:
    bodies = [{"ts": MS + at, **({"values": each} if wrapped else each)} for at, each in enumerate(values)]
    _check([Raw(json.dumps(body, ensure_ascii=False).encode(), at) for at, body in enumerate(bodies)])


BODIES = [
    '{"ts":%d,"temp":20.5}',
    '{"temp":20.5,"ts":%d,"flow":3}',
    '{"ts":%d,"values":{"temp":20.5}}',
    '{"ts":%d,"data":{"ts":5,"seq":6,"device":7.5}}',
    '{"ts":%d,"values":{"a":1},"data":{"b":2}}',
    '{"ts":%d,"values":{"a":1},"b":2}',
    '{"ts":%d,"values":5}',
    '{"ts":%d,"values":{}}',
    '{"ts":%d}',
    "{}",
    '{"temp":1,"temp":2,"ts":%d}',
    '{"ts":%d,"values":{"temp":1,"temp":2}}',
    '{"ts":"2023-11-14T22:14:00Z","temp":1}',
    '{"ts":"2023-11-14T22\\u003a14\\u003a00Z","temp":1}',
    '{"ts":"2023-11-14T22\\u003a14\\u003a00Z","temp":1,"temp":2,"x":3}',
    '{"ts":"20231114T221400Z","temp":1}',
    '{"ts":"yesterday","temp":1}',
    '{"ts":{"a":1},"temp":1}',
    '{"ts":1,"temp":1}',
    '{"ts":1e30,"temp":1}',
    '{"time":%d,"timestamp":7.5}',
    '{"ts":%d,"":1}',
    '{"ts":%d,"seq":3,"temp":1}',
    '{"ts":%d,"seq":3.5,"temp":1}',
    '{"ts":%d,"seq":-3,"temp":1}',
    '{"ts":%d,"seq":9223372036854775808,"temp":1}',
    '{"seq":3,"temp":1}',
    '{"temp":1}',
    '{"ts":%d,"device_id":"meter","temp":1}',
    '{"ts":%d,"deviceId":5,"temp":1}',
    '{"ts":%d,"temp":1e400}',
    '{"ts":%d,"temp":1' + "0" * 400 + "}",
    '{"ts":%d,"temp":-1' + "0" * 300 + "}",
    '{"ts":%d,"' + "n" * MAX_NAME + '":1}',
    '{"ts":%d,"' + "n" * (MAX_NAME + 1) + '":1}',
    '{"ts":%d,"temp":1,"on":true}',
    '{"ts":%d,"temp":[1,2]}',
    '{"ts":%d,"temp":null}',
    '{"ts":%d,"values":{"temp":{"a":1}}}',
    '[{"ts":%d,"temp":1}]',
    '{"ts":%d,"temp":1} x',
    '{"ts":%d,"temp:a":1}',
]


@pytest.mark.parametrize("body", BODIES)
def test_both_ways_read_a_body_the_same(body: str) -> None:
    first = telemetry(-1, temp=20.5, flow=3.0)
    text = body % MS if "%d" in body else body
    _check([first, *(Raw(text.encode(), at, headers=headers) for at, headers in _times_and_headers())])


def _times_and_headers() -> list[tuple[float, dict[str, str]]]:
    headers: list[dict[str, str]] = [{}, {"message_id": "a"}, {"mqtt.retain": "1"}, {"received": "soon"}]
    return [(at, each) for at, each in enumerate([*headers, {"received": "-1"}, {"received": str(2**63)}])]
