"""Format `zigbee2mqtt`: a JSON object of all that is known of a device, or a bare word on its availability topic."""

from headrace.records import Reading
from process_readings.decode.bare_value import bare_scalar, bare_text, metric_of, starts_json
from process_readings.decode.claims import mismatch
from process_readings.decode.collector import Collector
from process_readings.decode.json_body import parse_object
from process_readings.decode.members import add_members
from process_readings.decode.source import Source

DECODER = "zigbee2mqtt/1"
TIME_NAME = "last_seen"


def decode_zigbee2mqtt(source: Source) -> list[Reading]:
    """Readings of an object, under the metric that the topic names if it names one, or the one of a bare body."""
    out = Collector(source, DECODER)
    if not starts_json(source.value):
        out.add(metric_of(source), bare_scalar(bare_text(source.value)))
        return out.readings
    body = parse_object(source.value)
    out.at(body.pop(TIME_NAME, None))
    described = body.get("device")
    name = described.get("friendlyName") if described.__class__ is dict else None
    if name.__class__ is str and name != source.device:
        raise mismatch(name, source.device)
    add_members(out, body.items(), f"{source.metric}." if source.metric else "")
    return out.readings
