"""Whatever the bytes: readings that can be written, or a dead letter."""

import json
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import records
from headrace.errors import TerminalError
from headrace.raw import Format
from headrace.records import Reading
from process_readings.decode import decode_record

FORMS = st.sampled_from(Format)
ZONES = st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati")])
NAMES_THAT_MEAN_SOMETHING = [
    "ts",
    "time",
    "Time",
    "values",
    "data",
    "device",
    "device_id",
    "seq",
    "value",
    "unit",
    "last_seen",
    "TempUnit",
    "StatusSNS",
    "uplink_message",
    "received_at",
    "decoded_payload",
    "end_device_ids",
    "join_accept",
    "frm_payload",
    "bn",
    "bt",
    "bu",
    "bv",
    "bs",
    "bver",
    "n",
    "u",
    "v",
    "vs",
    "vb",
    "vd",
    "s",
    "t",
    "x_",
]
NAMES = st.sampled_from(NAMES_THAT_MEAN_SOMETHING) | st.text(max_size=5)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 2**64, 2**28, 1_594_598_726])
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20) | st.datetimes().map(str)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5))
CBOR_KEYS = st.integers(-8, 10) | NAMES
CBOR = st.recursive(
    SCALARS | st.binary(max_size=9) | st.decimals(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(CBOR_KEYS, inner, max_size=5),
)

SENML = st.fixed_dictionaries(
    {"n": st.text("ab:/ d", max_size=5)},
    optional={
        **dict.fromkeys(("v", "t", "s", "bt", "bv", "bs"), NUMBERS),
        **dict.fromkeys(("u", "vs", "vd", "bn"), st.text("d:é=", max_size=5)),
        "vb": st.booleans(),
    },
)


def check(body: bytes, form: Format, zone: tzinfo, metric: str | None = None) -> None:
    headers = [("format", form.encode()), *([("metric", metric.encode())] if metric else [])]
    try:
        readings = decode_record(body, b"default/d", headers, ("readings.raw", 0, 5), 1_700_000_000_000_000, zone)
    except TerminalError:
        return
    assert readings
    for index, reading in enumerate(readings):
        check_reading(reading, index)


def check_reading(reading: Reading, index: int) -> None:
    values = (reading.number, reading.integer, reading.boolean, reading.text)
    assert sum(value is not None for value in values) == 1
    assert (reading.site, reading.device, reading.origin.index) == ("default", "d", index)
    assert records.decode(records.encode(reading), records.headers_of(reading)) == reading


@settings(deadline=None)
@given(st.binary(max_size=200), FORMS, ZONES, st.none() | st.just("m"))
def test_any_bytes(body: bytes, form: Format, zone: tzinfo, metric: str | None) -> None:
    check(body, form, zone, metric)


@settings(max_examples=300, deadline=None)
@given(JSON, FORMS, ZONES, st.none() | st.just("m"), st.booleans())
def test_any_json(item: object, form: Format, zone: tzinfo, metric: str | None, escaped: bool) -> None:
    check(json.dumps(item, ensure_ascii=escaped).encode(errors="surrogatepass"), form, zone, metric)


@settings(max_examples=300, deadline=None)
@given(st.lists(SENML, min_size=1, max_size=4))
def test_any_senml(pack: list[dict[str, object]]) -> None:
    check(json.dumps(pack).encode(), Format.SENML_JSON, UTC)
    check(cbor2.dumps(pack), Format.SENML_CBOR, UTC)


@settings(max_examples=300, deadline=None)
@given(CBOR, ZONES)
def test_any_cbor(item: object, zone: tzinfo) -> None:
    check(cbor2.dumps(item), Format.SENML_CBOR, zone)


@settings(deadline=None)
@given(st.data(), FORMS)
def test_any_damage_to_a_good_body(data: st.DataObject, form: Format) -> None:
    good = b'{"ts":1594598726.53,"values":{"t":21.5,"s":"\xc3\xa9"},"seq":7,"device":"d"}'
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    check(good[:start] + data.draw(st.binary(max_size=4)) + good[end:], form, ZoneInfo("UTC"))


@settings(deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_number_of_a_flat_object_is_read_exactly(values: dict[str, float]) -> None:
    headers = [("format", b"json")]
    readings = decode_record(json.dumps(values).encode(), b"default/d", headers, ("readings.raw", 0, 5), 0)
    assert {reading.metric: reading.value for reading in readings} == values
