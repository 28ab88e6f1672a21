"""The last items of the last people, to find those whose items resemble somebody's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import Session
from headrace.recommend.catalog import Catalog
from headrace.recommend.growing import grown

_EMPTY = -1
_MOST_ENTRIES = 2**31


class SessionIndex:
    """Entries of a ring: the last `width` items of each of the last `most` people. The eldest entry makes way.

    A person's sessions are put together, since many have one item only. For each item the last `per_item` entries with
    it are kept, which bounds what one search reads, as the sampling of VSKNN does (Ludewig and Jannach 2018).
    """

    def __init__(self, catalog: Catalog, most: int = 20_000, width: int = 20, per_item: int = 100) -> None:
        self._catalog = catalog
        self.most, self.width, self.per_item = most, width, per_item
        self.items = np.full((0, width), _EMPTY, np.int32)
        self.sizes = np.zeros(0, np.int32)
        self.times = np.zeros(0, np.int64)
        self.entries = np.zeros(0, np.int32)
        self.recent = np.full((0, per_item), _EMPTY, np.int32)
        self._written = np.zeros(0, np.int64)
        self._slots: dict[str, int] = {}
        self._subjects: list[str | None] = []
        self._revisions: dict[str, tuple[int, int]] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._slots)

    def put(self, session: Session) -> None:
        """Takes a session, or its newer form, in; an older form changes nothing.

        One without items takes back what was said before: its person is forgotten.
        """
        form = (session.start, session.revision)
        if form <= self._revisions.get(session.subject, (-1, -1)):
            return
        if not session.items:
            self.drop(session.subject)
            return
        slot = self._slots.get(session.subject)
        found = [self._catalog.number_if_room(item) for item in session.items[-self.width :]]
        numbers = [number for number in found if number >= 0]
        if not numbers:
            return
        if slot is None or self._revisions[session.subject][0] != session.start:
            slot, kept = self._renew(session.subject, slot)
        else:
            kept = self.items[slot, : self.sizes[slot]].tolist()
        self._revisions[session.subject] = form
        row = [*(each for each in kept if each not in numbers), *numbers][-self.width :]
        self._write(slot, row, session.last, set(numbers) - set(kept))

    def drop(self, subject: str) -> None:
        """Forgets a person."""
        slot = self._slots.pop(subject, None)
        self._revisions.pop(subject, None)
        if slot is not None:
            self._subjects[slot] = None
            self.entries[slot] = _EMPTY
            self.items[slot] = _EMPTY
            self.sizes[slot] = 0

    def slot_of(self, subject: str) -> int | None:
        """The slot of a person's entry."""
        return self._slots.get(subject)

    def with_items(self, numbers: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Slots of the entries that have items, and the place in `numbers` of the item that each has.

        In no order; a few of them may have lost it since.
        """
        self.recent = grown(self.recent, int(numbers.max(initial=-1)) + 1, _EMPTY)
        rows = self.recent[numbers]
        there = np.nonzero(rows != _EMPTY)
        entries = rows[there].astype(np.intp)
        slots = entries % self.most
        held = self.entries[slots] == entries
        return slots[held], there[0][held]

    def _renew(self, subject: str, slot: int | None) -> tuple[int, list[int]]:
        """A new entry in place of the eldest one; with what the person's former one had."""
        kept = [] if slot is None else self.items[slot, : self.sizes[slot]].tolist()
        if slot is not None:
            self.drop(subject)
        fresh = self._next % self.most
        self._make_room(fresh)
        if (former := self._subjects[fresh]) is not None:
            self.drop(former)
        self.entries[fresh] = self._next
        # They are kept in 32 bits and begin again before these are full.
        self._next = (self._next + 1) % (_MOST_ENTRIES // self.most * self.most)
        self._subjects[fresh] = subject
        self._slots[subject] = fresh
        self.items[fresh] = _EMPTY
        self.sizes[fresh] = 0
        for number in kept:
            self._note(number, int(self.entries[fresh]))
        return fresh, kept

    def _write(self, slot: int, row: list[int], last: int, fresh: set[int]) -> None:
        self.items[slot, : len(row)] = row
        self.sizes[slot] = len(row)
        self.times[slot] = last
        for number in row:
            if number in fresh:
                self._note(number, int(self.entries[slot]))

    def _note(self, number: int, entry: int) -> None:
        self.recent = grown(self.recent, number + 1, _EMPTY)
        self._written = grown(self._written, number + 1, 0)
        self.recent[number, self._written[number] % self.per_item] = entry
        self._written[number] += 1

    def _make_room(self, slot: int) -> None:
        if slot < len(self._subjects):
            return
        self._subjects.append(None)
        self.items = grown(self.items, slot + 1, _EMPTY)
        self.sizes = grown(self.sizes, slot + 1, 0)
        self.times = grown(self.times, slot + 1, 0)
        self.entries = grown(self.entries, slot + 1, _EMPTY)
