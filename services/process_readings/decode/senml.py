"""Format `senml+json`, and the rules of RFC 8428 that both SenML formats share.

A pack is resolved record by record: base fields stay until they are given again, names, values, sums and times are
added to their bases, and the resolved name must be the device's.
"""

import re
from math import isfinite
from typing import Any

from headrace.errors import Reason, TerminalError
from headrace.records import Reading
from process_readings.decode.claims import mismatch
from process_readings.decode.collector import BASE64, Collector
from process_readings.decode.json_body import parse_json
from process_readings.decode.source import Source
from process_readings.decode.times import YEAR_10000, no_time

DECODER = "senml+json/1"
RELATIVE_BELOW_S = 2**28
"""A time below this is relative to now (RFC 8428, section 4.5.3), which is the receive time."""
VERSION = 10
VERSIONS = frozenset((*range(1, VERSION + 1), 26))
"""Up to RFC 8428's, and RFC 9100's with the secondary units; any other says that a pack needs what is not known."""
SINGLE_METRIC = "value"
"""The metric where the name is the device's own and the topic gives none either."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*", re.ASCII)
_BASE64URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?", re.ASCII)
_SEPARATORS = ":/._-"
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("bn", "bu", "n", "u", "vs", "vd"), (str,)),
    **dict.fromkeys(("bt", "bv", "bs", "v", "s", "t", "ut"), (float, int)),
    "vb": (bool,),
    "bver": (int,),
}
_BASE = ("bn", "bt", "bu", "bv", "bs", "bver")
_LARGEST = 10**308
"""Whole numbers beyond it are no doubles, which SenML's numbers are."""
_VALUES = ("v", "vs", "vb", "vd")


def decode_senml_json(source: Source) -> list[Reading]:
    """Readings of a SenML pack in JSON."""
    return decode_pack(source, parse_json(source.value), DECODER)


def decode_pack(source: Source, pack: Any, decoder: str) -> list[Reading]:
    """Readings of a SenML pack whose records have the labels of the JSON form and Python values.

    Raises:
        TerminalError: it breaks a rule of RFC 8428, or a name is another device's.
    """
    if pack.__class__ is not list or not pack:
        raise invalid("a pack is an array of at least one record")
    out = Collector(source, decoder)
    base: dict[str, Any] = {}
    for record in pack:
        _check_record(record)
        base.update((label, record[label]) for label in _BASE if label in record)
        if base.get("bver", VERSION) not in VERSIONS:
            raise invalid(f"version {base['bver']} is not known")
        if any(label not in _BASE for label in record):
            _add_record(out, source, base, record)
    return out.readings


def invalid(detail: str) -> TerminalError:
    """The error of a pack that breaks a rule."""
    return TerminalError(Reason.INVALID_SENML, detail)


def metric_of(name: str, bn: str, source: Source) -> str:
    """The metric of a resolved name: what is left without the device's own id.

    A name with a base name is a globally unique one and must begin with the device, or with a URN that ends in it; so
    must any URN. A bare `n` is a metric.

    Raises:
        TerminalError: it is another device's.
    """
    own = bn.rstrip(_SEPARATORS)
    if own.endswith((f":{source.device}", f"/{source.device}")):
        rest = name[len(own) :]
    elif name.startswith(source.device) and name[len(source.device) :][:1] in ("", *_SEPARATORS):
        rest = name[len(source.device) :]
    elif bn or name.startswith("urn:"):
        raise mismatch(name, source.device)
    else:
        return name
    return rest.lstrip(_SEPARATORS) or source.metric or SINGLE_METRIC


def _check_record(record: Any) -> None:
    if record.__class__ is not dict:
        raise invalid("a record is not an object")
    for label, value in record.items():
        kinds = _KINDS.get(label)
        fits = value.__class__ in kinds if kinds else not label.endswith("_")
        if not fits or (value.__class__ is int and not -_LARGEST <= value <= _LARGEST):
            raise invalid(f"label {label[:40]!r} with {str(value)[:80]!r}")


def _add_record(out: Collector, source: Source, base: dict[str, Any], record: dict[str, Any]) -> None:
    values = [label for label in _VALUES if label in record]
    has_sum = "s" in record or "bs" in base
    if len(values) != 1 and not (has_sum and not values):
        raise invalid(f"a record with {len(values)} values")
    name = base.get("bn", "") + record.get("n", "")
    if not _NAME.fullmatch(name):
        raise invalid(f"name {name[:80]!r}")
    metric = metric_of(name, base.get("bn", ""), source)
    unit = record.get("u", base.get("bu"))
    _set_time(out, base.get("bt", 0) + record.get("t", 0), source.received)
    for label in values:
        _add_value(out, metric, label, base, record, unit)
    if has_sum:
        out.add(f"{metric}.sum", float(base.get("bs", 0)) + record.get("s", 0), f"{unit}.s" if unit else None)


def _add_value(
    out: Collector, metric: str, label: str, base: dict[str, Any], record: dict[str, Any], unit: str | None
) -> None:
    if label == "v":
        out.add(metric, float(base.get("bv", 0)) + record["v"], unit)
    elif label == "vd":
        if not _BASE64URL.fullmatch(record["vd"]):
            raise invalid("vd is not base64url without padding")
        out.add(metric, record["vd"], unit, BASE64)
    else:
        out.add(metric, record[label], unit)


def _set_time(out: Collector, seconds: float, received: int) -> None:
    if not isfinite(seconds):
        raise no_time(seconds)
    time_us = round(seconds * 1_000_000)
    # A relative time moves with the receive time, so a message that came twice is not known as a repeat by it.
    is_relative = seconds < RELATIVE_BELOW_S
    if is_relative:
        time_us += received
    if not 0 <= time_us < YEAR_10000:
        raise no_time(seconds)
    out.at_us(time_us, "received" if is_relative else "device")
