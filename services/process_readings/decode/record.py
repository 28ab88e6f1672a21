"""Decodes one record of `readings.raw` by the format that its header names."""

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from functools import lru_cache

from headrace import raw
from headrace.errors import Reason, TerminalError
from headrace.raw import Format
from headrace.records import Reading, split_key
from process_readings.decode.bare_value import decode_value
from process_readings.decode.json_telemetry import decode_json
from process_readings.decode.senml import decode_senml_json
from process_readings.decode.senml_cbor import decode_senml_cbor
from process_readings.decode.source import Source
from process_readings.decode.tasmota import decode_tasmota
from process_readings.decode.ttn import decode_ttn
from process_readings.decode.zigbee2mqtt import decode_zigbee2mqtt

Decoder = Callable[[Source], list[Reading]]

_DECODERS: dict[bytes | None, Decoder] = {
    Format.JSON.encode(): decode_json,
    Format.VALUE.encode(): decode_value,
    Format.TASMOTA.encode(): decode_tasmota,
    Format.ZIGBEE2MQTT.encode(): decode_zigbee2mqtt,
    Format.SENML_JSON.encode(): decode_senml_json,
    Format.SENML_CBOR.encode(): decode_senml_cbor,
    Format.TTN.encode(): decode_ttn,
}

_split_key = lru_cache(maxsize=65_536)(split_key)


def decode_record(
    value: bytes | None,
    key: bytes | None,
    headers: Sequence[tuple[str, bytes]] | None,
    origin: tuple[str, int, int],
    now_us: int,
    zone: tzinfo = UTC,
) -> list[Reading]:
    """The readings of a raw record, at least one, in the order of the payload.

    Args:
        value: the payload as the device sent it.
        key: `site/device`, which is the identity of the device whatever the payload says.
        headers: those of `headrace.raw`.
        origin: topic, partition and offset of the raw record.
        now_us: append time of the raw record; stands in for a receive time that the edge did not give.
        zone: what a time without a zone is in: that of the device.

    Raises:
        TerminalError: the record as a whole cannot be read; its reason is the kind of fault.
    """
    site, device = _split_key(key)
    named = dict(headers or ())
    decoder = _DECODERS.get(named.get(raw.FORMAT))
    if decoder is None:
        raise TerminalError(Reason.UNSUPPORTED_FORMAT, f"no decoder for format {named.get(raw.FORMAT)!r}")
    if not value or value.isspace():
        raise TerminalError(Reason.EMPTY_BODY, "the payload is empty")
    readings = decoder(Source(value, site, device, named, origin, now_us, zone))
    if not readings:
        raise TerminalError(Reason.NO_READINGS, "the payload holds no value")
    return readings
