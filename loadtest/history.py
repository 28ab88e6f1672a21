"""The generator's own log: what it sent and which receipts came back, one JSON line each.

A checker decides from this file alone what must be stored, so it is written before a message leaves and never changed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

Value = float | int | bool | str


class Sent(msgspec.Struct, frozen=True, tag="sent", tag_field="event", omit_defaults=True):
    """One message as the device meant it.

    Attributes:
        number: what its receipt names; a message sent again has the same number.
        time: the device's clock in the message, µs UTC.
        values: by metric; empty where the body cannot be decoded.
        identity: the message id or sequence number that joins the readings' identity, where there is one.
        fault: the injected fault, such as `spike`; empty for none.
        bad: the reason with which it must be dead-lettered; empty where it must be stored.
    """

    number: int
    device: str
    time: int
    values: dict[str, Value]
    identity: str | None = None
    fault: str = ""
    bad: str = ""


class Accepted(msgspec.Struct, frozen=True, tag="receipt", tag_field="event"):
    """The bridge's receipt for a message: it is in Kafka at this position."""

    number: int
    topic: str
    partition: int
    offset: int


Event = Sent | Accepted


class HistoryWriter:
    """Appends events to a file; use it as a context manager, or the last ones are lost."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._encoder = msgspec.json.Encoder()
        self._file: BinaryIO | None = None

    def __enter__(self) -> "HistoryWriter":
        self._file = self._path.open("ab")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, events: Iterable[Event]) -> None:
        """Writes events and hands them to the system, so that a killed generator loses none."""
        if self._file is None:
            raise ValueError("the history is not open: use it as a context manager")
        self._file.write(b"".join(self._encoder.encode(event) + b"\n" for event in events))
        self._file.flush()


def read(path: Path) -> Iterator[Event]:
    """The events of a history; a last line that a kill cut short is left out."""
    decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield decoder.decode(line)
