"""High-water marks: how they compare, and what is asked for next."""

import math
import re
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Literal

from headrace.errors import Reason, TerminalError

Mark = str | int | float
"""A mark as the API writes it."""
Key = int | float | str
"""What marks are compared by: microseconds UTC of times, numbers and texts themselves."""
AHEAD = timedelta(days=1)
"""A time further in the future than this is a wrong clock, and would hide all rows until then."""
_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": _SECOND}
_BUCKETS = 16
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_FRACTION = re.compile(r"[.,](\d+)")


class _Kind(Enum):
    TIME = auto()
    NUMBER = auto()
    TEXT = auto()


class MarkOrder:
    """Compares the marks of one source.

    Args:
        start: of the kind that all of them have.
        overlap_seconds: how much earlier than the highest is asked again.
        epoch: what numbers count, if there is an overlap.

    Raises:
        ValueError: an overlap of texts that are no times, or one that is too long.
    """

    def __init__(self, start: Mark, overlap_seconds: float, epoch: Literal["s", "ms", "us"]) -> None:
        self._kind = _kind(start)
        if self._kind is _Kind.TEXT and overlap_seconds:
            raise ValueError(f"overlap_seconds: {start!r} is neither a time (ISO 8601) nor a number")
        per_second = _SECOND if self._kind is _Kind.TIME else _PER_SECOND[epoch]
        try:
            self._overlap = timedelta(seconds=overlap_seconds)
        except OverflowError:
            raise ValueError(f"overlap_seconds: {overlap_seconds:g} is longer than any time ago") from None
        self._back = math.ceil(overlap_seconds * per_second)

    @property
    def kind(self) -> str:
        """time, number or text."""
        return self._kind.name.lower()

    def key(self, mark: object) -> Key:
        """What a mark is compared by.

        Raises:
            TerminalError: it is of another kind than the source's first.
        """
        if self._kind is _Kind.TEXT and isinstance(mark, str) and mark:
            return mark
        if self._kind is _Kind.NUMBER and (number := _number(mark)) is not None:
            return number
        if self._kind is _Kind.TIME and isinstance(mark, str) and (time := _time(mark)) is not None:
            return (time - _EPOCH) // timedelta(microseconds=1)
        raise TerminalError(Reason.INVALID_RECORD, f"its mark {mark!r} is no {self.kind}, as others are")

    def lowest(self, mark: Mark) -> Key:
        """The lowest key that a run asks for that begins with a mark."""
        key = self.key(mark)
        return key if isinstance(key, str) else key - self._back

    def sent(self, mark: Mark) -> Mark:
        """What is sent for a mark: itself, or earlier by the overlap and written in the same way.

        The earliest time is that of the year 1.
        """
        if not self._back:
            return mark
        if self._kind is _Kind.NUMBER:
            number = _number(mark)
            return mark if number is None else number - self._back
        return _earlier(str(mark), self._overlap)

    def is_ahead(self, key: Key, now_us: int) -> bool:
        """Whether it is a time that lies in the future too far to be believed."""
        return (
            self._kind is _Kind.TIME and not isinstance(key, str) and key > now_us + AHEAD // timedelta(microseconds=1)
        )

    def bucket(self, key: Key) -> Key:
        """Rows are remembered in groups: all of a mark, or of some of the overlap."""
        width = self._back // _BUCKETS
        return key if isinstance(key, str) or width < 2 else key // width


def _kind(mark: Mark) -> _Kind:
    if not isinstance(mark, str):
        return _Kind.NUMBER
    return _Kind.TEXT if _time(mark) is None else _Kind.TIME


def _number(mark: object) -> int | float | None:
    if isinstance(mark, int | float) and not isinstance(mark, bool):
        return mark
    # Many APIs write large numbers as texts.
    return int(mark) if isinstance(mark, str) and mark.isascii() and mark.isdigit() and len(mark) < 40 else None


def _time(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _earlier(text: str, by: timedelta) -> str:
    """A time that much earlier, in the way that the text writes it."""
    time = datetime.fromisoformat(text)
    try:
        time -= by
    except OverflowError:
        time = datetime.min.replace(tzinfo=time.tzinfo)
    if len(text) == len("2020-01-01"):
        return time.date().isoformat()
    fraction = _FRACTION.search(text)
    digits = min(len(fraction[1]), 6) if fraction else 0
    # Not strftime, which writes the year 1 as "1".
    seconds = time.isoformat(text[10], "seconds")[: len("2020-01-01T00:00:00")]
    part = f".{time.microsecond:06d}"[: digits + 1] if digits else ""
    zone = "Z" if text.endswith("Z") else time.isoformat()[len("2020-01-01T00:00:00") + 7 * bool(time.microsecond) :]
    return f"{seconds}{part}{zone}"
