"""What is packed by hand is what Cassandra's own driver reads."""

import struct
from typing import Any

import pytest
from cassandra.cqltypes import BooleanType, DoubleType, Int32Type, ListType, LongType, MapType, UserType, UTF8Type
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import TerminalError
from headrace.records import Origin, Reading
from sink_cassandra import packing
from sink_cassandra.anomaly_rows import pack_anomaly, pack_feedback
from sink_cassandra.device_rows import pack_device
from sink_cassandra.migration_files import FOLDER
from sink_cassandra.reading_rows import pack_reading
from sink_cassandra.window_rows import pack_window
from tests.unit.sink_cassandra.records import NOW, anomaly, device, feedback, reading, window

_TYPES = {
    "double": DoubleType,
    "bigint": LongType,
    "int": Int32Type,
    "text": UTF8Type,
    "boolean": BooleanType,
    "frozen<list<text>>": ListType.apply_parameters([UTF8Type]),
    "frozen<map<text, text>>": MapType.apply_parameters([UTF8Type, UTF8Type]),
}


def unpack(name: str, packed: bytes) -> Any:
    """Reads a value of a user-defined type as the migrations declare it."""
    text = "\n".join(path.read_text() for path in sorted(FOLDER.glob("*.cql")))
    body = text.split(f"CREATE TYPE IF NOT EXISTS ${{keyspace}}.{name} (")[1].split("\n);")[0]
    fields = [line.strip().rstrip(",").split(" ", 1) for line in body.strip().splitlines()]
    declared = UserType.make_udt_class("k", f"{name}_read", [f[0] for f in fields], [_TYPES[f[1]] for f in fields])
    return declared.deserialize(packed, 5)


bigints = st.integers(-(2**63), 2**63 - 1)
words = st.text(max_size=40).filter(lambda word: "\x00" not in word)
readings = st.builds(
    Reading,
    site=st.just("main"),
    device=st.just("meter-1"),
    metric=st.just("flow"),
    time=st.just(NOW),
    time_source=st.sampled_from(["device", "received"]),
    received=bigints,
    origin=st.builds(Origin, words, st.integers(0, 2**31 - 1), bigints, st.integers(0, 2**31 - 1)),
    decoder=words,
    number=st.none() | st.floats(allow_nan=False),
    integer=st.none() | bigints,
    boolean=st.none() | st.booleans(),
    text=st.none() | words,
    unit=st.none() | words,
    seq=st.none() | bigints,
    message_id=st.none() | words,
    device_time=st.none() | bigints,
    flags=st.lists(words, max_size=3).map(tuple),
)


@given(readings)
def test_a_reading_is_read_back_field_by_field(given_reading: Reading) -> None:
    if given_reading.number is not None:
        given_reading.integer = None  # a reading has one value
    found = unpack("reading", pack_reading(given_reading))
    origin = (found.origin_topic, found.origin_partition, found.origin_offset, found.origin_index)
    assert Origin(*origin) == given_reading.origin
    assert tuple(found.flags or ()) == given_reading.flags
    same = ("number", "integer", "boolean", "text", "unit", "seq", "message_id", "device_time", "received", "decoder")
    for name in (*same, "time_source"):
        assert getattr(found, name) == getattr(given_reading, name), name


def test_a_latest_reading_begins_with_n_and_time_so_that_the_greater_n_is_the_greater_value() -> None:
    head = packing.bigint(2) + packing.bigint(NOW)
    found = unpack("latest_reading", head + pack_reading(reading(number=-7.0)))
    assert (found.n, found.time, found.number) == (2, NOW, -7.0)


def test_a_window_is_read_back() -> None:
    given_window = window(revision=4, final=True, unit="l/s")
    found = unpack("window_statistics", pack_window(given_window))
    assert all(getattr(found, name) == getattr(given_window, name) for name in found._fields)


def test_an_anomaly_is_read_back() -> None:
    given_anomaly = anomaly(unit="l/s")
    found = unpack("anomaly", pack_anomaly(given_anomaly))
    assert all(getattr(found, name) == getattr(given_anomaly, name) for name in found._fields)


def test_feedback_is_read_back_and_begins_with_when_it_was_given() -> None:
    said = feedback(anomaly(), note="pump 2 was serviced")
    found = unpack("anomaly_feedback", pack_feedback(said))
    assert all(getattr(found, name) == getattr(said, name) for name in found._fields)
    later = feedback(anomaly(), verdict="expected", given=said.given + 1)
    assert pack_feedback(said) < pack_feedback(later), "of two with one write time the later one is the greater value"


def test_a_device_is_read_back() -> None:
    given_device = device(labels={"b": "2", "a": "1"}, expected_interval=30.0, zone="Europe/Berlin")
    found = unpack("device", pack_device(given_device))
    assert dict(found.labels) == given_device.labels
    assert all(getattr(found, name) == getattr(given_device, name) for name in found._fields if name != "labels")


def test_a_number_that_fits_no_column_is_terminal() -> None:
    with pytest.raises(TerminalError, match="does not fit"):
        pack_reading(reading(number=None, integer=2**63))


def test_a_name_longer_than_a_key_is_terminal() -> None:
    with pytest.raises(TerminalError, match="65535"):
        packing.key("x" * 65_536)


def test_routing_keys_are_those_of_the_driver() -> None:
    packed = packing.key("main") + packing.integer(5)
    parts = (b"main", struct.pack(">i", 5))
    assert packing.routing_key(packed) == b"".join(struct.pack(">H", len(p)) + p + b"\0" for p in parts)
    assert packing.routing_key(packing.key("main")) == b"main"
