"""What is known of devices: follows the compacted topic `devices.registry` and answers by site and device."""

import logging
import threading
import time
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from headrace.errors import TerminalError, TransientError
from headrace.kafka import consumer_config, headers_of_message
from headrace.records import Device, decode

TOPIC = "devices.registry"
BATCH_RECORDS = 1_000
log = logging.getLogger(__name__)


class DeviceCatalog:
    """Reads all partitions of the registry, without a group, on a thread of its own.

    Every process has the whole catalog: it is small, and a device's readings may come to any of them.
    """

    def __init__(self, brokers: str, on_failure: Callable[[BaseException], None]) -> None:
        self._consumer = Consumer(consumer_config(brokers, "catalog-is-no-group", **{"enable.partition.eof": False}))
        self._devices: dict[tuple[str, str], Device] = {}
        self._on_failure = on_failure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="device-catalog", daemon=True)
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
        ends = self._assign(timeout)
        deadline = time.monotonic() + timeout
        while any(self._position(partition) < end for partition, end in ends.items()):
            if time.monotonic() > deadline:
                raise TransientError(f"the registry could not be read within {timeout} s")
            self._take(self._consumer.consume(BATCH_RECORDS, 0.1))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        self._consumer.close()

    def _assign(self, timeout: float) -> dict[int, int]:
        metadata = self._consumer.list_topics(TOPIC, timeout=timeout).topics[TOPIC]
        partitions = [TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in metadata.partitions]
        if not partitions:
            raise TransientError(f"topic {TOPIC} does not exist; run python -m headrace.topics")
        self._consumer.assign(partitions)
        ranges = {p.partition: self._consumer.get_watermark_offsets(p, timeout=timeout) for p in partitions}
        return {number: high for number, (low, high) in ranges.items() if high > low}

    def _position(self, partition: int) -> int:
        return int(self._consumer.position([TopicPartition(TOPIC, partition)])[0].offset)

    def _follow(self) -> None:
        try:
            while not self._stop.is_set():
                self._take(self._consumer.consume(BATCH_RECORDS, 0.2))
        except BaseException as error:
            self._on_failure(error)

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            if message.error() is not None or message.value() is None:
                continue
            try:
                record = decode(message.value(), headers_of_message(message))
            except TerminalError as error:
                self.undecodable += 1
                log.warning("registry record skipped", extra={"offset": message.offset(), "problem": str(error)})
                continue
            if isinstance(record, Device):
                self._keep(record)

    def _keep(self, device: Device) -> None:
        key = (device.site, device.device)
        known = self._devices.get(key)
        if known is None or device.source == "api" or known.source == "observed":
            self._devices[key] = device
