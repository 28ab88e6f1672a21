"""The headers of a raw record, from what MQTT says of the message (`headrace.raw` is the contract)."""

from headrace import raw
from ingest_mqtt.mqtt_packets import Properties, Publish
from ingest_mqtt.routes import Headers
from ingest_mqtt.trace_context import is_traceparent

ID_PROPERTY = "id"
_QOS = ((raw.MQTT_QOS, b"0"), (raw.MQTT_QOS, b"1"), (raw.MQTT_QOS, b"2"))
_RETAIN = (raw.MQTT_RETAIN, b"1")
_DUP = (raw.MQTT_DUP, b"1")


def record_headers(fixed: Headers, publish: Publish, received: bytes) -> list[tuple[str, bytes]]:
    """The headers of one message.

    Args:
        fixed: those of its topic.
        received: microseconds UTC as decimal text.
    """
    headers = [*fixed, (raw.RECEIVED, received), _QOS[publish.qos]]
    if publish.retain:
        headers.append(_RETAIN)
    if publish.dup:
        headers.append(_DUP)
    if publish.properties is not None:
        _add_properties(headers, publish.properties)
    return headers


def _add_properties(headers: list[tuple[str, bytes]], properties: Properties) -> None:
    message_id = properties.correlation.hex().encode()
    trace = [value for name, value in properties.user if name == raw.TRACEPARENT]
    # More than one traceparent is as invalid as a wrong one, and tracestate is then not read (section 3.3.1.1).
    traced = len(trace) == 1 and is_traceparent(trace[0])
    states = []
    for name, value in properties.user:
        if name == ID_PROPERTY:
            message_id = value
        elif name == raw.TRACESTATE and traced:
            states.append(value)
        elif not (name == raw.TRACEPARENT and traced):
            headers.append((raw.USER_PREFIX + name, value))
    if message_id:
        headers.append((raw.MESSAGE_ID, message_id))
    if traced:
        headers.append((raw.TRACEPARENT, trace[0]))
    if states:
        headers.append((raw.TRACESTATE, b",".join(states)))
