"""State of a task of the stage: its subjects, who is erased, what is due, and the sums of experiments."""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

from headrace.experiments.parts import Change
from headrace.experiments.task_totals import TaskTotals
from headrace.streams.batch import Cell, Cells, compact
from process_interactions.subjects.person import EXPERIMENTS, HEAD, Person, answer_key, dues_of, ends_of, last_of

_ERASED = b"g"
_TOTALS = b"T"
_SWEEP = b"!"
_MOST_CACHED = 4_000
"""Subjects that stay decoded between two checkpoints; what they are doesn't depend on it."""


class What(IntEnum):
    """What is due; of one time in this order."""

    ANSWER = 0
    SESSION = 1
    EXPERIMENT = 2


class Timer(NamedTuple):
    """Something to be done for a subject at an append time, microseconds; `answer` is an open answer's id."""

    due: int
    what: What
    key: bytes
    answer: str = ""


class SubjectsState:
    """Implements `TaskState`. A subject that is changed must be touched, with or without its experiments' part.

    Args:
        will_be_erased: whether a subject is known to be erased by a record that is still to come.
    """

    def __init__(self, will_be_erased: Callable[[bytes], bool]) -> None:
        self._will_be_erased = will_be_erased
        self.totals = TaskTotals()
        self.timers: list[Timer] = []
        self.next_sweep = 0
        self._cells: Cells = {}
        self._changed: dict[bytes, bytes | None] = {}
        self._people: OrderedDict[bytes, Person] = OrderedDict()
        self._touched: dict[bytes, Person] = {}
        self._touched_parts: dict[bytes, Person] = {}
        self._changed_totals: set[tuple[str, str]] = set()
        self._totals_at: dict[tuple[str, str], int] = {}
        self._swept = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, key: bytes) -> Person | None:
        """A subject that is known."""
        people = self._people
        if key in people:
            people.move_to_end(key)
            return people[key]
        content = self._get(HEAD + key)
        if content is None:
            return None
        person = self._people[key] = Person.load(key, content, self._get)
        return person

    def find_or_make(self, key: bytes, site: str) -> Person:
        """A subject, new where it isn't known."""
        person = self.find(key)
        if person is None:
            person = self._people[key] = Person(key, site, self._get)
            self._count += 1
            self.touch(person)
        return person

    def touch(self, person: Person) -> None:
        """Notes that a subject changed."""
        self._touched[person.key] = person

    def touch_part(self, person: Person) -> None:
        """Notes that what experiments keep of a subject changed; the head says whether there is anything."""
        self.touch(person)
        self._touched_parts[person.key] = person

    def drop(self, person: Person) -> None:
        """Forgets all of a subject."""
        self._flush(person)
        for key in person.cell_keys():
            self._delete(key)
        del self._people[person.key]
        self._count -= 1

    def is_erased(self, key: bytes) -> bool:
        """Whether a subject was erased, or will be."""
        return key not in self._people and (self.was_erased(key) or self._will_be_erased(key))

    def was_erased(self, key: bytes) -> bool:
        """Whether a subject's erasure was taken."""
        return self._get(_ERASED + key) is not None

    def set_erased(self, key: bytes, at: int | None) -> None:
        """Notes that a subject was erased at a time, or, by None, that it may be again."""
        if at is None:
            self._delete(_ERASED + key)
        else:
            self._changed[_ERASED + key] = b"%d" % at

    def add_timer(self, timer: Timer) -> None:
        """Lets something be due."""
        heapq.heappush(self.timers, timer)

    def next_due(self, now: int) -> Timer | None:
        """Takes the next timer that is due by `now`, with those that say the same."""
        if not self.timers or self.timers[0].due > now:
            return None
        timer = heapq.heappop(self.timers)
        while self.timers and self.timers[0] == timer:
            heapq.heappop(self.timers)
        return timer

    def answer(self, person: Person, answer: str) -> bytes:
        """What `open_answer` put."""
        content = self._get(answer_key(person.key, answer))
        if content is None:
            raise ValueError(f"the state has no content of an open answer of {len(person.answers)}")
        return content

    def open_answer(self, person: Person, answer: str, due: int, content: bytes) -> None:
        """Keeps an answer until it is closed."""
        person.answers[answer] = due
        self._changed[answer_key(person.key, answer)] = content
        self.add_timer(Timer(due, What.ANSWER, person.key, answer))
        self.touch(person)

    def close_answer(self, person: Person, answer: str) -> None:
        """Forgets an answer."""
        del person.answers[answer]
        self._delete(answer_key(person.key, answer))
        self.touch(person)

    def let_go(self, person: Person) -> None:
        """Keeps a subject as cells only, until it is asked for again."""
        self._flush(person)
        del self._people[person.key]

    def silent(self, oldest: int, oldest_with_chunks: int) -> list[tuple[bytes, int]]:
        """Key and append time of the newest record of each subject of whom that is before a time, in order.

        Args:
            oldest_with_chunks: the later time that holds for those that have chunks.
        """
        self._flush_all()
        compact(self._cells, self._changed.items())
        heads = ((key, *last_of(content)) for key, content in self._cells.items() if key.startswith(HEAD))
        return sorted(
            (key.removeprefix(HEAD), last)
            for key, last, has_chunks in heads
            if last < (oldest_with_chunks if has_chunks else oldest)
        )

    def add_to_totals(self, changes: Iterable[Change], now: int) -> None:
        """Adds to the sums of experiments."""
        for change in changes:
            self.totals.apply((change,))
            self._totals_at[change.experiment, change.arm] = now

    def take_totals(self) -> list[tuple[str, str, int]]:
        """Experiment, arm and append time of the newest change, of the sums that changed since the last call."""
        changed = self.totals.take_changed()
        self._changed_totals.update(changed)
        return [(*arm, self._totals_at[arm]) for arm in changed]

    def take_changes(self) -> Iterable[Cell]:
        self._flush_all()
        self.take_totals()
        for experiment, arm in sorted(self._changed_totals):
            self._changed[_totals_key(experiment, arm)] = self.totals.cell(experiment, arm)
        self._changed_totals.clear()
        if self._swept != self.next_sweep:
            self._swept = self.next_sweep
            self._changed[_SWEEP] = b"%d" % self.next_sweep
        while len(self._people) > _MOST_CACHED:
            self._people.popitem(last=False)
        changes, self._changed = self._changed, {}
        compact(self._cells, changes.items())
        return changes.items()

    def restore(self, cells: Cells) -> None:
        for key, content in cells.items():
            if key.startswith(HEAD):
                self._restore_timers(key.removeprefix(HEAD), content)
            elif key.startswith(EXPERIMENTS):
                subject = key.removeprefix(EXPERIMENTS)
                self.timers += [Timer(end, What.EXPERIMENT, subject) for end in ends_of(content)]
            elif key.startswith(_TOTALS):
                experiment, _, arm = key.removeprefix(_TOTALS).decode().partition("\0")
                self.totals.restore(experiment, arm, content)
        self.next_sweep = self._swept = int(cells.get(_SWEEP, b"0"))
        heapq.heapify(self.timers)
        self._cells = cells

    def _restore_timers(self, key: bytes, content: bytes) -> None:
        self._count += 1
        dues = dues_of(content)
        self.timers += [Timer(due, What.ANSWER, key, answer) for answer, due in dues.answers.items()]
        if dues.session_due:
            self.timers.append(Timer(dues.session_due, What.SESSION, key))

    def _flush_all(self) -> None:
        for person in list(self._touched.values()):
            self._flush(person)

    def _flush(self, person: Person) -> None:
        if self._touched.pop(person.key, None) is not None:
            for key, content in person.take_changes():
                self._note(key, content)
        if self._touched_parts.pop(person.key, None) is not None:
            self._note(*person.part_cell())

    def _note(self, key: bytes, content: bytes | None) -> None:
        if content is None:
            self._delete(key)
        else:
            self._changed[key] = content

    def _get(self, key: bytes) -> bytes | None:
        changed = self._changed
        return changed[key] if key in changed else self._cells.get(key)

    def _delete(self, key: bytes) -> None:
        if self._get(key) is not None:
            self._changed[key] = None


def _totals_key(experiment: str, arm: str) -> bytes:
    return _TOTALS + f"{experiment}\0{arm}".encode()
