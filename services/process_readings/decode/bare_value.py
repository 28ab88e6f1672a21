"""Format `value`: one value whose metric the topic names, bare or as a JSON object around it."""

import re
from typing import Any

from headrace.errors import Reason, TerminalError
from headrace.records import Reading
from process_readings.decode.collector import Collector
from process_readings.decode.json_body import parse_json, utf8
from process_readings.decode.json_telemetry import take_seq, take_time
from process_readings.decode.members import add_members, add_named
from process_readings.decode.source import Source

DECODER = "value/1"
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
"""Bytes of a byte order mark, and blanks."""
_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_SWITCH = {"on": True, "true": True, "off": False, "false": False}


def decode_value(source: Source) -> list[Reading]:
    """One reading of the topic's metric; of a JSON object or array, one for each member under that name."""
    metric = metric_of(source)
    out = Collector(source, DECODER)
    if starts_json(source.value):
        _add_json(out, metric, parse_json(source.value))
        return out.readings
    text = bare_text(source.value)
    if text != "null":
        value = bare_scalar(text)
        out.add(metric, _SWITCH.get(text.lower(), value) if value is text else value)
    return out.readings


def metric_of(source: Source) -> str:
    """The metric that the topic names.

    Raises:
        TerminalError: it names none.
    """
    if source.metric is None:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, "a bare value, and the route of its topic names no metric")
    return source.metric


def bare_text(value: bytes) -> str:
    """The body as text without space around it.

    Raises:
        TerminalError: it is not UTF-8, or holds control characters as only binary data does.
    """
    text = utf8(value).strip()
    if not text:
        raise TerminalError(Reason.EMPTY_BODY, "the payload is a byte order mark alone")
    if not text.isprintable() and any(sign < " " and sign not in "\t\r\n" for sign in text):
        raise TerminalError(Reason.UNEXPECTED_SHAPE, "control characters in a bare value: is it binary?")
    return text


def starts_json(value: bytes) -> bool:
    """Whether a body is meant to be a JSON object, array or string."""
    return value.lstrip(_BEFORE_JSON).startswith((b"{", b"[", b'"'))


def bare_scalar(text: str) -> float | int | str:
    """A bare number as number, with `nan` and `inf`; anything else as the text it is."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text


def _add_json(out: Collector, metric: str, body: Any) -> None:
    if body.__class__ is not dict:
        add_named(out, metric, body)
        return
    out.at(take_time(body), take_seq(body))
    if "value" in body:
        unit = body.pop("unit") if body.get("unit").__class__ is str else None
        add_named(out, metric, body.pop("value"), unit)
    add_members(out, body.items(), f"{metric}.")
