"""Headers of a raw record."""

from ingest_mqtt.mqtt_packets import Properties, Publish
from ingest_mqtt.record_headers import record_headers

_PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def _headers(properties: Properties | None = None, retain: bool = False, dup: bool = False) -> list[tuple[str, bytes]]:
    publish = Publish(b"t", b"1", 5, 1, retain, dup, properties)
    return record_headers((("format", b"json"),), publish, b"17")


def test_a_plain_message_says_format_time_and_qos() -> None:
    assert _headers() == [("format", b"json"), ("received", b"17"), ("mqtt.qos", b"1")]


def test_stored_and_repeated_messages_are_marked() -> None:
    assert dict(_headers(retain=True, dup=True)).items() >= {"mqtt.retain": b"1", "mqtt.dup": b"1"}.items()


def test_correlation_data_is_the_message_id_unless_the_sender_gives_one() -> None:
    assert dict(_headers(Properties(1, correlation=b"\x01\xff")))["message_id"] == b"01ff"
    given = Properties(1, correlation=b"\x01", user=[("id", b"abc")])
    assert [value for name, value in _headers(given) if name == "message_id"] == [b"abc"]


def test_user_properties_keep_their_order_and_repetition() -> None:
    user = [("zone", b"a"), ("zone", b"b"), ("fw", b"1")]

    assert _headers(Properties(1, user=user))[3:] == [("user.zone", b"a"), ("user.zone", b"b"), ("user.fw", b"1")]


def test_a_valid_trace_is_passed_on_with_its_state() -> None:
    user = [("tracestate", b"a=1"), ("traceparent", _PARENT), ("tracestate", b"b=2")]

    assert _headers(Properties(1, user=user))[3:] == [("traceparent", _PARENT), ("tracestate", b"a=1,b=2")]


def test_an_invalid_trace_is_a_user_property_like_any_other() -> None:
    user = [("traceparent", b"00-0-0-0"), ("tracestate", b"a=1")]

    assert _headers(Properties(1, user=user))[3:] == [("user.traceparent", b"00-0-0-0"), ("user.tracestate", b"a=1")]
