"""Format `tasmota`: one JSON object per topic, nested per sensor, or a bare word such as `ON` or `Online`.

The messages are those of https://tasmota.github.io/docs/MQTT/.
"""

from typing import Any

from headrace.records import Reading
from process_readings.decode.bare_value import bare_scalar, bare_text, metric_of, starts_json
from process_readings.decode.collector import Collector
from process_readings.decode.json_body import parse_object
from process_readings.decode.members import add_members
from process_readings.decode.source import Source

DECODER = "tasmota/1"
STATUS_ANSWERS = ("StatusSNS", "StatusSTS")
"""Answers to a command that hold what SENSOR and STATE do: their readings have the same names."""
UNITS = {
    "TempUnit": ("Temperature", "DewPoint", "HeatIndex", "FeelsLike"),
    "PressureUnit": ("Pressure", "SeaPressure"),
    "SpeedUnit": ("Speed", "WindSpeed"),
}
"""A member that says the unit of others, by the last part of their names; it is no reading. Units stay as written."""


def decode_tasmota(source: Source) -> list[Reading]:
    """Readings of a SENSOR, STATE, RESULT, INFO or other message, or the one of a bare body."""
    out = Collector(source, DECODER)
    if not starts_json(source.value):
        out.add(metric_of(source), bare_scalar(bare_text(source.value)))
        return out.readings
    body = parse_object(source.value)
    for name in STATUS_ANSWERS:
        if len(body) == 1 and body.get(name).__class__ is dict:
            body = body[name]
    out.at(body.pop("Time", None))
    units = _take_units(body)
    add_members(out, body.items(), units=units)
    return out.readings


def _take_units(body: dict[str, Any]) -> dict[str, str]:
    units: dict[str, str] = {}
    for name, metrics in UNITS.items():
        if body.get(name).__class__ is str:
            units.update(dict.fromkeys(metrics, body.pop(name)))
    return units
