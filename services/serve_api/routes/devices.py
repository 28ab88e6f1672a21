"""`/v1/devices`: the registry. A device's name may hold slashes, so nothing lies below a device's path."""

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from headrace.records import Device
from serve_api.paging import ListPaging, Name, PageQuery
from serve_api.problems import Fault, invalid, not_found, responses
from serve_api.rows import DevicePage, DeviceRow, device_row
from serve_api.services import JsonAnswer, Reader, ServicesDep, Writer

router = APIRouter(prefix="/v1/devices", tags=["devices"])

DevicePath = Annotated[Name, Path(description="The device's name; slashes as they are, or as %2F")]
_Label = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _known_zone(zone: str | None) -> str | None:
    if zone is not None and zone not in available_timezones():
        raise ValueError(f"{zone!r} is no time zone; give a name of the IANA database, such as Europe/Berlin or UTC")
    return zone


class DeviceSettings(BaseModel):
    """What is set of a device; it replaces what was set before, as a whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "zigbee2mqtt",
                    "zone": "Europe/Berlin",
                    "labels": {"floor": "0", "room": "kitchen"},
                    "expected_interval": 60.0,
                }
            ]
        },
    )

    type: Annotated[str, Field(min_length=1, max_length=64, description="A type of deploy/device_types.yaml")]
    zone: Annotated[
        str | None,
        AfterValidator(_known_zone),
        Field(description="IANA zone of the device's times that carry none; the type's, if left out"),
    ] = None
    labels: Annotated[
        dict[_Label, Annotated[str, StringConstraints(max_length=256)]],
        Field(max_length=32, description="Free names and values"),
    ] = {}
    expected_interval: Annotated[
        float | None, Field(gt=0, le=31_622_400, description="Seconds between two messages, if it has a rhythm")
    ] = None


@router.get("", response_model=DevicePage, responses=responses(403, 422, 503))
async def list_devices(query: Annotated[PageQuery, Query()], principal: Reader, services: ServicesDep) -> JsonAnswer:
    """The site's devices by name."""
    paging = ListPaging(query, principal.site, ("devices",), (str,))
    after = "" if paging.after is None else str(paging.after[0])
    found = await services.store.devices(principal.site, after, paging.limit)
    page: DevicePage = {"items": [device_row(item) for item in found.items], "next": paging.next(found.reached)}
    return JsonAnswer(page)


@router.get("/{device:path}", response_model=DeviceRow, responses=responses(403, 404, 422, 503))
async def get_device(device: DevicePath, principal: Reader, services: ServicesDep) -> JsonAnswer:
    """What is known of a device."""
    known = await services.store.device(principal.site, device)
    if known is None:
        raise not_found(f"device {device!r} is not known", "it appears when it publishes, or when it is PUT here")
    return JsonAnswer(device_row(known))


@router.put("/{device:path}", status_code=202, response_model=DeviceRow, responses=responses(403, 413, 422, 503))
async def put_device(device: DevicePath, body: DeviceSettings, principal: Writer, services: ServicesDep) -> JsonAnswer:
    """Sets type, zone, labels and expected interval of a device, whether it was seen or not.

    The answer comes when the change is safely in the registry's topic; reads show it a moment later. After a 503 it is
    unknown whether the change was taken: send it again.
    """
    if body.type not in services.type_zones:
        known = ", ".join(sorted(services.type_zones))
        raise invalid(Fault("type", f"there is no device type {body.type!r}", f"use one of {known}"))
    now = services.clock.now_us()
    before = await services.store.device(principal.site, device)
    changed = Device(
        site=principal.site,
        device=device,
        type=body.type,
        source="api",
        first_seen=before.first_seen if before else now,
        updated=now,
        zone=body.zone or services.type_zones[body.type],
        labels=body.labels,
        expected_interval=body.expected_interval,
    )
    await services.registry.write(changed)
    return JsonAnswer(device_row(changed), 202)
