"""What is known of devices: follows the compacted topic `devices.registry` and answers by site and device."""

import logging
from collections.abc import Callable

from confluent_kafka import Message

from headrace.errors import TerminalError
from headrace.followed_topic import FollowedTopic
from headrace.kafka import headers_of_message
from headrace.records import Device, decode

TOPIC = "devices.registry"
log = logging.getLogger(__name__)


class DeviceCatalog:
    """Every process has the whole catalog: it is small, and a device's readings may come to any of them."""

    def __init__(self, brokers: str, on_failure: Callable[[BaseException], None]) -> None:
        self._topic = FollowedTopic(brokers, TOPIC, self._take, on_failure)
        self._devices: dict[tuple[str, str], Device] = {}
        self.undecodable = 0

    def get(self, site: str, device: str) -> Device | None:
        """What is registered, or None for a device never seen."""
        return self._devices.get((site, device))

    def __len__(self) -> int:
        return len(self._devices)

    def start(self, timeout: float) -> None:
        """Reads to the present end, then goes on in the background.

        Raises:
            TransientError: the brokers did not give the whole registry in time.
        """
        self._topic.start(timeout)

    def stop(self) -> None:
        self._topic.stop()

    def _take(self, message: Message) -> None:
        try:
            record = decode(message.value(), headers_of_message(message))
        except TerminalError as error:
            self.undecodable += 1
            log.warning("registry record skipped", extra={"offset": message.offset(), "problem": str(error)})
            return
        if isinstance(record, Device):
            self._keep(record)

    def _keep(self, device: Device) -> None:
        key = (device.site, device.device)
        known = self._devices.get(key)
        if known is None or device.source == "api" or known.source == "observed":
            self._devices[key] = device
