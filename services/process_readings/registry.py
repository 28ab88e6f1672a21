"""The first sight of a device."""

from collections.abc import Callable

from headrace.records import Device
from process_readings.device_types import DEFAULT, DeviceTypes

Catalog = Callable[[str, str], Device | None]
"""What is registered of (site, device), or None."""


def first_sight(types: DeviceTypes, site: str, device: str, type_name: str | None, now_us: int) -> Device:
    """The record of a device that nobody registered: its type is the route's, or `default`."""
    name = type_name or DEFAULT
    return Device(
        site=site,
        device=device,
        type=name,
        source="observed",
        first_seen=now_us,
        updated=now_us,
        zone=types.get(name).zone,
    )
