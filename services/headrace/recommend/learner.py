"""The learning side: lessons and exposures of one site in, versions of the model out."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from itertools import islice

import msgspec

from headrace.interactions.records import Exposure, ItemModel, Lesson, Neighbour, Recent, RecommenderModel
from headrace.interactions.user_features import SESSION_GAP_US
from headrace.recommend.exploration_learning import ExplorationLearning, ExplorationState
from headrace.recommend.factor_learning import FactorLearning
from headrace.recommend.half_lives import DAY
from headrace.recommend.item_memory import ItemMemory, closest, grown, new_memory
from headrace.recommend.learner_settings import LearnerSettings
from headrace.recommend.ranker_learning import RankerLearning, RankerState
from headrace.recommend.ranking_features import FEATURES

_ITEM, _HEAD = b"i", b"h"
_SCHEMA = 1
_PLACE_DECAY = 0.9
_REPEAT = 0.25
"""What a person's further interaction with an item counts for beside the first."""
_GOES_ON = frozenset({"view", "click", "dwell"})
"""Of these one within a visit's pause of the last counts nothing: a page that is loaded again, or tells it is open."""
_FOLLOWS = DAY
"""An item follows another where no more than this is between them, microseconds."""


class _Cell(msgspec.Struct, array_like=True):
    """An item in a snapshot."""

    memory: ItemMemory
    vector: tuple[float, ...]


class _Head(msgspec.Struct, array_like=True):
    """All else in a snapshot."""

    schema: int
    learned: int
    ranker: RankerState
    exploration: ExplorationState
    waiting: list[str]
    beside: list[str]
    ring: list[str]
    counter: int


class Learner:
    """All that it is follows from what it was given, in order, to the bit. It keeps nothing of any person.

    Memory is bounded: `items_kept` items with `pairs_kept` pairs each.
    """

    def __init__(self, site: str, settings: LearnerSettings | None = None) -> None:
        self._site = site
        self._settings = settings or LearnerSettings()
        self._items: dict[str, ItemMemory] = {}
        self._factors = FactorLearning(self._settings)
        self._ranker = RankerLearning(self._settings)
        self._exploration = ExplorationLearning()
        self._waiting: dict[str, None] = {}
        self._beside: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._learned = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def waiting(self) -> int:
        """Rows of items that changed and are in no publication."""
        return len(self._waiting) + len(self._beside)

    def learn(self, lesson: Lesson) -> None:
        """Takes what somebody did, or takes back what a person's items taught.

        What is taken back are the counts and pairs of the person's items as they are known, exactly where each was
        turned to once and nothing was evicted. The rest, as factors and the ranker, is of nobody that could be found,
        and stays until the lessons are replayed without the person's.
        """
        self._learned += 1
        if lesson.kind == "forget":
            self._forget(lesson)
        elif lesson.item is not None:
            self._interaction(lesson.item, lesson)

    def learn_exposure(self, exposure: Exposure) -> None:
        """Takes what came of an item that was shown."""
        self._learned += 1
        self._ranker.learn(exposure)
        self._exploration.learn(exposure)

    def publish(self, version: int, now: int, most: int) -> tuple[RecommenderModel, list[ItemModel]]:
        """A version with at most `most` rows: first the items that people turned to, then those beside them.

        An item that was let go comes with a count of 0.
        """
        rows = [self._item_model(item, version, now) for item in self._next(most)]
        self.pass_over(version, most)
        model = RecommenderModel(
            self._site,
            version,
            now,
            self._learned,
            FEATURES,
            self._ranker.weights,
            intercept=self._ranker.intercept,
            position_weights=self._ranker.position_weights,
            arms=self._exploration.arms,
            half_lives=self._settings.half_lives,
            cost=self._exploration.cost,
            explored=self._exploration.explored,
        )
        return model, rows

    def pass_over(self, version: int, most: int) -> None:
        """Leaves the state that `publish` leaves, without its work."""
        del version
        for item in self._next(most):
            if item in self._waiting:
                del self._waiting[item]
            else:
                del self._beside[item]

    def change_all(self) -> None:
        """Lets all rows wait to be published."""
        for item in sorted(self._items):
            self._wait(item)

    def take_changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The cells that changed since the last call: those of items, and one of all else."""
        changed, self._changed = self._changed, {}
        for item in changed:
            key = _ITEM + item.encode()
            memory = self._items.get(item)
            vector = self._factors.vector(item)
            if memory is None and not vector:
                yield key, None
            else:
                cell = _Cell(memory if memory is not None else new_memory(0, ()), vector)
                yield key, msgspec.msgpack.encode(cell)
        head = _Head(
            _SCHEMA,
            self._learned,
            self._ranker.state(),
            self._exploration.state(),
            list(self._waiting),
            list(self._beside),
            self._factors.ring,
            self._factors.counter,
        )
        yield _HEAD, msgspec.msgpack.encode(head)

    def restore(self, cells: MutableMapping[bytes, bytes]) -> None:
        """Takes all cells into a new learner.

        Raises:
            ValueError: they are not of this schema.
        """
        try:
            for key, content in cells.items():
                if key.startswith(_ITEM):
                    self._restore_item(key[len(_ITEM) :].decode(), content)
                elif key == _HEAD:
                    self._restore_head(msgspec.msgpack.decode(content, type=_Head))
                else:
                    raise ValueError(f"cell {key!r} is none of a recommender's learner")
        except msgspec.MsgspecError as error:
            raise ValueError(f"a cell of the recommender's learner can't be read: {error}") from error

    def _interaction(self, item: str, lesson: Lesson) -> None:
        if not lesson.is_new and _only_goes_on(item, lesson, lesson.before[-self._settings.reach :]):
            return
        memory = self._memory(item, lesson.time)
        memory.add(1.0 if lesson.is_new else _REPEAT, lesson.time, self._settings.half_lives)
        self._wait(item)
        before = [each for each in lesson.before if each.item != item]
        if lesson.is_new:
            self._pair(item, lesson.time, before, 1.0)
            if before and lesson.time - before[-1].time <= _FOLLOWS:
                for drawn in self._factors.learn(before[-1].item, item):
                    self._change(drawn)
                self._change(before[-1].item)
            self._factors.note(item)
        if len(self._items) > self._settings.items_kept * 21 // 20:
            self._evict()

    def _forget(self, lesson: Lesson) -> None:
        for place, each in enumerate(lesson.before):
            memory = self._items.get(each.item)
            if memory is not None:
                memory.add(-1.0, each.time, self._settings.half_lives)
                self._wait(each.item)
                self._pair(each.item, each.time, lesson.before[:place], -1.0)

    def _pair(self, item: str, time: int, before: Sequence[Recent], sign: float) -> None:
        """Adds, or takes back, that an item goes with those before it, the newest last."""
        settings = self._settings
        one = sign * grown(time, settings.pair_half_life)
        for place, each in enumerate(before[: -settings.pair_reach - 1 : -1]):
            gap = max(time - each.time, 0)
            weight = one * _PLACE_DECAY**place * 0.5 ** (gap / settings.pair_gap_half_life)
            if sign > 0:
                other = self._memory(each.item, each.time)
            elif (known := self._items.get(each.item)) is not None:
                other = known
            else:
                continue
            self._items[item].go_with(each.item, weight, settings.pairs_kept)
            other.go_with(item, weight, settings.pairs_kept)
            self._change(each.item)
            if each.item not in self._waiting:
                self._beside[each.item] = None

    def _memory(self, item: str, time: int) -> ItemMemory:
        memory = self._items.get(item)
        if memory is None:
            memory = self._items[item] = new_memory(time, self._settings.half_lives)
        return memory

    def _evict(self) -> None:
        """Lets the least lively items go."""
        by_liveliness = sorted(self._items, key=lambda item: (self._items[item].lively[-1], item))
        gone = by_liveliness[: len(self._items) - self._settings.items_kept]
        for item in gone:
            del self._items[item]
            self._wait(item)
        self._factors.forget(frozenset(gone))

    def _wait(self, item: str) -> None:
        self._waiting[item] = None
        self._beside.pop(item, None)
        self._change(item)

    def _change(self, item: str) -> None:
        self._changed[item] = None

    def _next(self, most: int) -> list[str]:
        own = list(islice(self._waiting, most))
        return [*own, *islice(self._beside, most - len(own))]

    def _item_model(self, item: str, version: int, now: int) -> ItemModel:
        memory, settings = self._items.get(item), self._settings
        if memory is None:
            return ItemModel(self._site, item, version, now, 0.0, (0.0,) * len(settings.half_lives))
        close = closest(item, self._items, settings.neighbours, settings.shrinkage, settings.pair_half_life)
        return ItemModel(
            self._site,
            item,
            version,
            now,
            memory.count,
            memory.decayed(now, settings.half_lives),
            tuple(Neighbour(name, score) for name, score in close),
            self._factors.vector(item),
            first_seen=memory.first_seen,
        )

    def _restore_item(self, item: str, content: bytes) -> None:
        cell = msgspec.msgpack.decode(content, type=_Cell)
        if cell.memory.lively:
            self._items[item] = cell.memory
        if cell.vector:
            self._factors.restore(item, cell.vector)

    def _restore_head(self, head: _Head) -> None:
        if head.schema != _SCHEMA:
            raise ValueError(f"the recommender's learner was written as of schema {head.schema}, this is {_SCHEMA}")
        self._learned = head.learned
        self._ranker.restore(head.ranker)
        self._exploration.restore(head.exploration)
        self._waiting = dict.fromkeys(head.waiting)
        self._beside = dict.fromkeys(head.beside)
        self._factors.ring, self._factors.counter = head.ring, head.counter


def _only_goes_on(item: str, lesson: Lesson, before: Sequence[Recent]) -> bool:
    return lesson.interaction in _GOES_ON and any(
        each.item == item and lesson.time - each.time < SESSION_GAP_US for each in before
    )
