"""A learner of which everything depends on everything before: one record more, less or elsewhere changes all rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from headrace.interactions.records import Exposure, ItemModel, Lesson, RecommenderModel
from headrace.streams.batch import Cell, Cells

SCHEMA = "order/1"
_HEAD = b"head"


def digest(*parts: object) -> int:
    """An integer that a float holds."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=6).digest())


class OrderLearner:
    """Implements `SiteLearner`."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.chain = 0
        self.learned = 0
        self.rows: dict[str, int] = {}
        self._touched: Counter[str] = Counter()
        self._unwritten: set[str] = set()

    def __len__(self) -> int:
        return len(self.rows)

    def learn(self, lesson: Lesson) -> None:
        assert lesson.subject == "", "what the journal does not keep can't be learned from"
        self._take(lesson, [recent.item for recent in lesson.before] + [lesson.item or "none"])

    def learn_exposure(self, exposure: Exposure) -> None:
        assert (exposure.subject, exposure.arms) == ("", {})
        self._take(exposure, [])

    def _take(self, record: Lesson | Exposure, items: list[str]) -> None:
        self.learned += 1
        self.chain = digest(self.chain, record)
        for item in items:
            self.rows[item] = digest(self.chain, self.rows.get(item))
            self._touched[item] += 1
            self._unwritten.add(item)

    @property
    def waiting(self) -> int:
        return len(self._touched)

    def publish(self, version: int, now: int, most: int) -> tuple[RecommenderModel, list[ItemModel]]:
        rows = [
            ItemModel(self.site, item, version, now, float(self.rows[item]), (float(self._touched[item]),))
            for item in self._next(most)
        ]
        self.pass_over(version, most)
        return RecommenderModel(self.site, version, now, self.learned, intercept=float(self.chain)), rows

    def pass_over(self, version: int, most: int) -> None:
        for item in self._next(most):
            del self._touched[item]
            self._unwritten.add(item)

    def change_all(self) -> None:
        for item in self.rows:
            self._touched[item] += 1
            self._unwritten.add(item)

    def _next(self, most: int) -> list[str]:
        return sorted(self._touched, key=lambda item: (-self._touched[item], item))[:most]

    def take_changes(self) -> Iterable[Cell]:
        unwritten, self._unwritten = self._unwritten, set()
        yield _HEAD, msgspec.msgpack.encode((self.chain, self.learned))
        for item in sorted(unwritten):
            yield b"i" + item.encode(), msgspec.msgpack.encode((self.rows[item], self._touched[item]))

    def restore(self, cells: Cells) -> None:
        if head := cells.pop(_HEAD, b""):
            self.chain, self.learned = msgspec.msgpack.decode(head)
        for key, content in cells.items():
            row, touched = msgspec.msgpack.decode(content)
            item = key[1:].decode()
            self.rows[item] = row
            if touched:
                self._touched[item] = touched
