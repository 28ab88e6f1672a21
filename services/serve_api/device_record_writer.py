"""Writes records of devices to a topic."""

from typing import Generic, TypeVar

from headrace.records import AnomalyFeedback, Device, encode, headers_of, record_key
from serve_api.confirmed_writer import ConfirmedWriter

REGISTRY = "devices.registry"
FEEDBACK = "anomalies.feedback"

R = TypeVar("R", Device, AnomalyFeedback)


class DeviceRecordWriter(Generic[R]):
    """Each under the key of its device, so that it comes where the device's readings are.

    Args:
        topic: which takes such records.
    """

    def __init__(self, writer: ConfirmedWriter, topic: str) -> None:
        self._writer = writer
        self._topic = topic

    async def write(self, record: R) -> None:
        """Returns when Kafka has confirmed the record.

        Raises:
            DeliveryError: it did not in time; whether it is in the log is unknown. Writing it again is safe.
        """
        await self._writer.write(
            self._topic, encode(record), record_key(record.site, record.device), headers_of(record)
        )
