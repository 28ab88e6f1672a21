"""Takes items into the catalog, and takes them out."""

from collections.abc import Sequence

from headrace.clock import Clock
from headrace.errors import DeliveryError
from headrace.interactions.fault import Refused
from headrace.interactions.fields import content_of
from headrace.interactions.item import item_id, item_of
from headrace.interactions.records import ITEMS, Item
from headrace.records import encode, headers_of, record_key
from serve_api.confirmed_writer import ConfirmedWriter, Entry
from serve_api.events.answers import ItemsTaken, RefusedOne, nothing_taken, refused_documents
from serve_api.events.metrics import EventMetrics
from serve_api.events.sent import Sent
from serve_api.events.turns import Turns
from serve_api.problems import unavailable

_HEADERS = headers_of(Item("", "", 0))


class ItemIntake:
    """The items of a process."""

    def __init__(self, writer: ConfirmedWriter, clock: Clock, metrics: EventMetrics) -> None:
        self._writer = writer
        self._clock = clock
        self._metrics = metrics

    async def put(self, site: str, item: str, body: bytes) -> Item:
        """Returns an item when Kafka has it.

        Raises:
            Problem: it is wrong; or Kafka did not confirm, and then it is not known whether it is taken.
        """
        try:
            made = item_of(content_of(body, "body"), site, self._clock.now_us(), item_id(item))
        except Refused as refusal:
            self._metrics.count_items("refused", 1)
            raise nothing_taken([RefusedOne(0, refusal.faults)], "items", is_many=False) from None
        await self._write([_entry(made)])
        return made

    async def put_many(self, site: str, sent: Sent) -> ItemsTaken:
        """Returns when Kafka has every item that is right.

        Raises:
            Problem: none is right; or Kafka did not confirm, and then it is not known which of them are taken.
        """
        now = self._clock.now_us()
        entries: list[Entry] = []
        refused: list[RefusedOne] = []
        turns = Turns()
        for index, raw in enumerate(sent.each):
            await turns.before(memoryview(raw).nbytes)
            try:
                entries.append(_entry(item_of(content_of(raw, "body"), site, now)))
            except Refused as refusal:
                refused.append(RefusedOne(index, refusal.faults))
        self._metrics.count_items("refused", len(refused))
        if not entries:
            raise nothing_taken(refused, "items", sent.is_many)
        await self._write(entries)
        return {"accepted": len(entries), "refused": refused_documents(refused)}

    async def remove(self, site: str, item: str) -> None:
        """Returns when Kafka has it that an item is gone, whether it was there or not.

        Raises:
            Problem: the id is none; or Kafka did not confirm.
        """
        try:
            key = record_key(site, item_id(item))
        except Refused as refusal:
            raise nothing_taken([RefusedOne(0, refusal.faults)], "items", is_many=False) from None
        await self._write([(key, None)])

    async def _write(self, entries: Sequence[Entry]) -> None:
        try:
            await self._writer.write_all(ITEMS, entries, _HEADERS)
        except DeliveryError:
            self._metrics.count_items("unconfirmed", len(entries))
            unknown = "Kafka did not confirm it in time, so it may count or not; sending it again is safe"
            raise unavailable(unknown, kind="unconfirmed") from None
        self._metrics.count_items("accepted", len(entries))


def _entry(item: Item) -> Entry:
    return record_key(item.site, item.item), encode(item)
