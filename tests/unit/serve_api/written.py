"""What a service wrote, without a broker."""

from collections.abc import Sequence

from headrace.errors import DeliveryError
from serve_api.confirmed_writer import ConfirmedWriter, Entry, Headers


class Written(ConfirmedWriter):
    """Confirms each write at once, unless Kafka is away."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes | None]] = []
        self.keys: list[bytes] = []
        self.is_away = False

    async def write_all(self, topic: str, entries: Sequence[Entry], headers: Headers) -> None:
        if self.is_away:
            raise DeliveryError(len(entries), ())
        self.records += [(topic, value) for _, value in entries]
        self.keys += [key for key, _ in entries]

    def values(self, topic: str) -> list[bytes]:
        """Of one topic, in order."""
        return [value for written, value in self.records if written == topic and value is not None]
