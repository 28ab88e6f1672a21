"""The items of one site as numbers, with what filters, likeness and business rules look at as arrays."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import Item
from headrace.recommend.growing import grown
from headrace.recommend.tokens import TokenIndex

NOWHERE = -1
MOST_UNLISTED = 250_000
"""Items with a number that the catalogue doesn't have, more than a model keeps: any client can invent some."""
_WORD = re.compile(r"\w{3,}")
_TITLE_WORDS = 6
_MOST_AGE = 1_000
_LATEST = 1 << 62
"""Others may write the topic: what an array doesn't hold must not end the following."""


class Catalog:
    """Items of one site ↔ numbers from 0, which an item keeps for good, also when it is removed.

    An item that people interact with before the catalogue has it gets a number too; it isn't `listed` and thus never
    recommended. There is a bound to these.

    Args:
        most_unlisted: see `number_if_room`.

    Attributes:
        listed: whether the catalogue has the item, shape (numbers,); this and the rest may be longer than `len`.
        available: whether it can be had.
        min_age: years, 0 for all ages.
        category: the category's code, -1 without one.
        created: when it came into being or, unsaid, was first put; microseconds.
        tokens: what likeness is told by.
    """

    def __init__(self, most_unlisted: int = MOST_UNLISTED) -> None:
        self._most_unlisted = most_unlisted
        self._listed_items = 0
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._items: list[Item | None] = []
        self._categories: dict[str, int] = {}
        self._newest: NDArray[np.intp] | None = None
        self.listed = np.zeros(0, np.bool_)
        self.available = np.zeros(0, np.bool_)
        self.min_age = np.zeros(0, np.int16)
        self.category = np.zeros(0, np.int32)
        self.created = np.zeros(0, np.int64)
        self.tokens = TokenIndex()

    def __len__(self) -> int:
        return len(self._names)

    def number(self, item: str) -> int:
        """The item's number; a new one if it has none."""
        found = self._numbers.get(item)
        if found is not None:
            return found
        number = self._numbers[item] = len(self._names)
        self._names.append(item)
        self._items.append(None)
        if number >= len(self.listed):
            self._grow(number + 1)
        return number

    def number_if_room(self, item: str) -> int:
        """As `number`; `NOWHERE` for a new item where `most_unlisted` have one already that the catalogue hasn't."""
        found = self._numbers.get(item)
        if found is None and len(self._names) - self._listed_items >= self._most_unlisted:
            return NOWHERE
        return self.number(item) if found is None else found

    def find(self, item: str) -> int:
        """The item's number, or `NOWHERE`."""
        return self._numbers.get(item, NOWHERE)

    def name(self, number: int) -> str:
        """The item of a number."""
        return self._names[number]

    def item(self, number: int) -> Item | None:
        """What the catalogue has of a number."""
        return self._items[number]

    def put(self, item: Item) -> int:
        """Takes an item in, or its newer form, and gives its number."""
        number = self.number(item.item)
        before = self._items[number]
        self._items[number] = item
        self._listed_items += not self.listed[number]
        self.listed[number] = True
        self.available[number] = item.available
        self.min_age[number] = min(item.min_age or 0, _MOST_AGE)
        self.category[number] = self.code(item.category)
        first_put = before.updated if before is not None and before.created is None else item.updated
        created = item.created if item.created is not None else min(first_put, item.updated)
        self.created[number] = min(max(created, 0), _LATEST)
        if before is None or _words(before) != _words(item):
            self.tokens.put(number, _words(item))
        self._newest = None
        return number

    def remove(self, item: str) -> None:
        """Takes an item out: it is recommended no more."""
        number = self.find(item)
        if number == NOWHERE or not self.listed[number]:
            return
        self._listed_items -= 1
        self.listed[number] = False
        self._items[number] = None
        self.tokens.put(number, ())
        self._newest = None

    def code(self, category: str | None) -> int:
        """The code of a category, -1 for none; a new one if it has none."""
        if category is None:
            return NOWHERE
        return self._categories.setdefault(category, len(self._categories))

    def known_code(self, category: str) -> int:
        """The code of a category, or -1 where no item has it."""
        return self._categories.get(category, NOWHERE)

    @property
    def categories(self) -> int:
        """How many categories there are."""
        return len(self._categories)

    def newest(self, count: int) -> NDArray[np.intp]:
        """The numbers of the available items that came last, the newest first."""
        if self._newest is None or len(self._newest) < count:
            numbers = np.flatnonzero(self.listed & self.available)
            created = self.created[numbers]
            if len(numbers) > count:
                kept = np.argpartition(-created, count)[:count]
                numbers, created = numbers[kept], created[kept]
            self._newest = numbers[np.lexsort((numbers, -created))]
        return self._newest[:count]

    def _grow(self, size: int) -> None:
        self.listed = grown(self.listed, size, False)
        self.available = grown(self.available, size, False)
        self.min_age = grown(self.min_age, size, 0)
        self.category = grown(self.category, size, NOWHERE)
        self.created = grown(self.created, size, 0)


def _words(item: Item) -> tuple[str, ...]:
    """What likeness is told by: the category, the tags, and the first words of the title."""
    category = () if item.category is None else (f"category:{item.category}",)
    tags = tuple(f"tag:{tag}" for tag in item.tags)
    title = _WORD.findall(item.title.casefold())[:_TITLE_WORDS]
    return tuple(dict.fromkeys((*category, *tags, *title)))
