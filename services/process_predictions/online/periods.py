"""The period that is open: a metric's windows as they are added up, in event time."""

from struct import Struct
from typing import Self

from headrace.records import Window

_OPEN = Struct("<Bqdqqq")
_VERSION = 1
NO_TIME = -(2**63)


class OpenPeriod:
    """The mean of a period so far, of windows that come in the order of their starts.

    Attributes:
        number: periods since 1970-01-01 UTC.
        last_start: start of the newest window, microseconds; an earlier or equal one was counted, or came too late.
        last_append: append time of the newest window, microseconds.
    """

    __slots__ = ("count", "last_append", "last_start", "number", "total")

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.total = 0.0
        self.count = 0
        self.last_start = NO_TIME
        self.last_append = 0

    @property
    def mean(self) -> float:
        """Of the readings, each weighing the same."""
        return self.total / self.count

    def add(self, window: Window, append_time: int) -> None:
        """Takes a window of this period."""
        self.total += window.mean * window.count
        self.count += window.count
        self.last_start = window.start
        self.last_append = append_time

    def pack(self) -> bytes:
        """41 bytes."""
        return _OPEN.pack(_VERSION, self.number, self.total, self.count, self.last_start, self.last_append)

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """Takes what `pack` gave.

        Raises:
            ValueError: it is of another version.
        """
        if len(content) != _OPEN.size or content[0] != _VERSION:
            raise ValueError(f"{len(content)} bytes are no open period of version {_VERSION}")
        period = cls()
        (_, period.number, period.total, period.count, period.last_start, period.last_append) = _OPEN.unpack(content)
        return period
