"""Format `ttn`: messages of The Things Stack v3; uplinks give the decoded payload's values, other events their name.

The messages are those of https://www.thethingsindustries.com/docs/integrations/data-formats/.
"""

from typing import Any

from headrace.errors import Reason, TerminalError
from headrace.records import Reading
from process_readings.decode.claims import mismatch
from process_readings.decode.collector import BASE64, INT64_MAX, Collector
from process_readings.decode.json_body import parse_object
from process_readings.decode.members import add_members
from process_readings.decode.source import Source

DECODER = "ttn/1"
EVENT_METRIC = "network.event"
EVENTS = (
    "join_accept",
    "downlink_ack",
    "downlink_nack",
    "downlink_sent",
    "downlink_failed",
    "downlink_queued",
    "downlink_queue_invalidated",
    "service_data",
    "location_solved",
)


def decode_ttn(source: Source) -> list[Reading]:
    """Readings of an uplink, or one text reading that names another event."""
    body = parse_object(source.value)
    _check_device(body, source.device)
    out = Collector(source, DECODER)
    uplink = body.get("uplink_message", body)
    if uplink.__class__ is not dict:
        raise TerminalError(Reason.UNEXPECTED_SHAPE, "uplink_message is not an object")
    if "uplink_message" in body or "decoded_payload" in body or "frm_payload" in body:
        _add_uplink(out, body, uplink)
    else:
        _add_event(out, body)
    return out.readings


def _check_device(body: dict[str, Any], device: str) -> None:
    claim = _get(body, "end_device_ids", "device_id")
    application = _get(body, "end_device_ids", "application_ids", "application_id")
    # A route may name the application too, as device names need only be unique within one.
    if claim is not None and device not in (claim, f"{application}/{claim}"):
        raise mismatch(str(claim), device)


def _add_uplink(out: Collector, body: dict[str, Any], uplink: dict[str, Any]) -> None:
    out.at(_uplink_time(body, uplink), _frame_count(uplink))
    decoded = uplink.get("decoded_payload")
    if decoded.__class__ is dict and decoded:
        add_members(out, decoded.items())
    elif uplink.get("frm_payload").__class__ is str:
        out.add("frm_payload", uplink["frm_payload"], flag=BASE64)


def _uplink_time(body: dict[str, Any], uplink: dict[str, Any]) -> Any:
    """When the network server took the uplink; a gateway's own time may be that of an unset clock."""
    return uplink.get("received_at") or body.get("received_at") or _get(uplink, "settings", "time")


def _frame_count(uplink: dict[str, Any]) -> int | None:
    count = uplink.get("f_cnt")
    return int(count) if count.__class__ is int and 0 <= count <= INT64_MAX else None


def _add_event(out: Collector, body: dict[str, Any]) -> None:
    event = next((name for name in EVENTS if name in body), None)
    if event is None:
        raise TerminalError(Reason.NO_READINGS, f"neither an uplink nor a known event: {', '.join(body)[:200]}")
    out.at(_get(body, event, "received_at") or body.get("received_at"))
    out.add(EVENT_METRIC, event)
    if event == "location_solved":
        add_members(out, [("network.location", _get(body, event, "location"))])


def _get(body: dict[str, Any], *path: str) -> Any:
    found: Any = body
    for name in path:
        found = found.get(name) if found.__class__ is dict else None
    return found
