"""The contract of `readings.raw`: a value as it came, and the headers that say where from, when and in what format.

The bridge and the sources write these headers, the processors read them. Texts are UTF-8, numbers are decimal text.
"""

from collections.abc import Sequence
from enum import StrEnum

FORMAT = "format"
RECEIVED = "received"
"""Microseconds UTC at which the edge took the record."""
METRIC = "metric"
"""The metric of a bare value, where the topic names it."""
DEVICE_TYPE = "device_type"
"""The type that the route gives to a device that is not registered yet."""
MESSAGE_ID = "message_id"
"""The sender's own id of the message: user property `id`, or Correlation Data in hexadecimal."""
MQTT_TOPIC = "mqtt.topic"
MQTT_QOS = "mqtt.qos"
MQTT_RETAIN = "mqtt.retain"
"""`1` where the broker sent a stored message: old data, not a new reading."""
MQTT_DUP = "mqtt.dup"
"""`1` where the message was sent before; it may be new to Headrace all the same."""
SOURCE = "source"
"""The name of the source that read the record, where it came from none of Headrace's devices."""
SOURCE_FILE = "source.file"
SOURCE_ROW = "source.row"
"""The row of the file, counted from 1 without the header."""
SOURCE_OP = "source.op"
"""What a change did to the row of the record's key, where it isn't plain that it is there now: `DELETE`."""
DELETE = "delete"
USER_PREFIX = "user."
"""User properties, one header each, under this prefix."""
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"


class Format(StrEnum):
    """Formats that a route can name."""

    JSON = "json"
    VALUE = "value"
    TASMOTA = "tasmota"
    ZIGBEE2MQTT = "zigbee2mqtt"
    SENML_JSON = "senml+json"
    SENML_CBOR = "senml+cbor"
    TTN = "ttn"
    SPARKPLUG = "sparkplug"


def header(headers: Sequence[tuple[str, bytes]], name: str) -> str | None:
    """The first header of a name as text, or None."""
    for key, value in headers:
        if key == name:
            return value.decode(errors="replace")
    return None
