"""The keys that a `unique` across parts has let pass last, in a form of which each part changes little."""

import itertools
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

SLOT = 512
"""Keys of a slot: so many, at most, a part writes besides its own."""


class Slot(NamedTuple):
    """Attributes:
    number: of its place in the ring.
    content: how many keys passed before its first, then its keys, 8 bytes each.
    """

    number: int
    content: bytes


class SeenKeys:
    """The last keys, as a ring of slots whose places are written over and over, so that their number is bounded.

    What is looked at goes on only when it is `taken`; `undo` takes the rest back.

    Args:
        within: how many keys are known.
    """

    def __init__(self, within: int) -> None:
        self._within = within
        # One more than is needed, as the oldest and the newest are seldom whole.
        self._slots = -(-within // SLOT) + 1
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._window: dict[int, None] = {}
        self._end = 0
        self._fresh = 0
        self._evicted: list[int] = []

    def look(self, hashes: Iterable[int]) -> list[bool]:
        """Of each key in turn whether it is among the last before it; if not, it is one of them from then on."""
        window, repeats = self._window, []
        for key in hashes:
            is_repeat = key in window
            repeats.append(is_repeat)
            if is_repeat:
                continue
            window[key] = None
            self._end += 1
            self._fresh += 1
            if len(window) > self._within:
                oldest = next(iter(window))
                del window[oldest]
                self._evicted.append(oldest)
        return repeats

    def undo(self) -> None:
        """Forgets the keys that were not taken."""
        if self._fresh:
            keys = [*self._evicted, *self._window]
            self._window = dict.fromkeys(keys[: len(keys) - self._fresh])
            self._end -= self._fresh
        self._settle()

    def take(self) -> list[Slot]:
        """The slots that the keys since the last call have changed."""
        count = min(self._fresh, len(self._window))
        first = self._end - count
        block = first - first % SLOT
        keys = list(itertools.islice(reversed(self._window), min(self._end - block, len(self._window))))[::-1]
        start = self._end - len(keys)
        self._settle()
        return list(self._cut(start, keys)) if count else []

    def used(self) -> range:
        """Numbers of the slots that may have been written."""
        return range(min(-(-self._end // SLOT), self._slots))

    def restore(self, slots: Mapping[int, bytes]) -> None:
        """Goes back to what slots say; those that are written over in part by newer ones give what is still within."""
        known: dict[int, int] = {}
        for content in slots.values():
            start, *keys = array("Q", content)
            known.update(zip(range(start, start + len(keys)), keys, strict=True))
        self.clear()
        self._end = max(known, default=-1) + 1
        places = (place for place in sorted(known) if place >= self._end - self._within)
        self._window = dict.fromkeys(known[place] for place in places)

    def _cut(self, start: int, keys: list[int]) -> Iterator[Slot]:
        while keys:
            count = SLOT - start % SLOT
            yield Slot(start // SLOT % self._slots, array("Q", [start, *keys[:count]]).tobytes())
            start, keys = start + count, keys[count:]

    def _settle(self) -> None:
        self._fresh = 0
        self._evicted = []
