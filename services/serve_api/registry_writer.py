"""Writes devices to devices.registry."""

from headrace.records import Device, encode, headers_of, record_key
from serve_api.confirmed_writer import ConfirmedWriter

TOPIC = "devices.registry"


class RegistryWriter:
    """Devices as records."""

    def __init__(self, writer: ConfirmedWriter) -> None:
        self._writer = writer

    async def write(self, device: Device) -> None:
        """Returns when Kafka has confirmed the record.

        Raises:
            DeliveryError: it did not in time; whether it is in the log is unknown. Writing it again is safe.
        """
        await self._writer.write(TOPIC, encode(device), record_key(device.site, device.device), headers_of(device))
