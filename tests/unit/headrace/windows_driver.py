"""Drives windows of the engine as rules do, with checkpoints and restarts where it is told."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from headrace.streams import watermarks
from headrace.streams.batch import Cell
from headrace.streams.by_key import by_key
from headrace.streams.columns import KeyedColumns, Tables
from headrace.streams.event_windows import EventWindows
from headrace.streams.hopping import HoppingWindows
from headrace.streams.windows import Windows

KeyedWindows = TypeVar("KeyedWindows", EventWindows, HoppingWindows)
MakeWindows = Callable[[KeyedColumns, int, bytes], KeyedWindows]


class Event(NamedTuple):
    """A reading: its key, event time, value and append time."""

    key: bytes
    time: int
    value: float
    appended: int


@dataclass(frozen=True)
class Emitted:
    """A window as it was emitted."""

    key: bytes
    start: int
    end: int
    count: int
    total: float
    least: float
    greatest: float
    last: float
    last_us: int
    final: bool
    revision: int


class State(Tables, Generic[KeyedWindows]):
    """A task's state with nothing but windows; `make` is given the table, the lateness and a prefix."""

    def __init__(self, make: MakeWindows[KeyedWindows], lateness: int) -> None:
        self.keys = KeyedColumns(b"k", (*watermarks.COLUMNS, *EventWindows.COLUMNS))
        self.windows: KeyedWindows = make(self.keys, lateness, b"w")
        super().__init__(self.keys, self.windows.passed)


class Driver(Generic[KeyedWindows]):
    """One task of which a changelog is kept."""

    def __init__(self, make: MakeWindows[KeyedWindows], lateness: int) -> None:
        self.new_state: Callable[[], State[KeyedWindows]] = partial(State, make, lateness)
        self.state: State[KeyedWindows] = self.new_state()
        self.log: dict[bytes, bytes] = {}
        self.emitted: list[Emitted] = []
        self.late: list[Event] = []
        self.clamped = 0

    def send(self, *events: Event) -> None:
        """One batch."""
        group = by_key(self.state.keys.rows([event.key for event in events]))
        times, appended = (
            np.array(column, np.int64) for column in zip(*((e.time, e.appended) for e in events), strict=True)
        )
        progress = watermarks.advance(self.state.keys, group, times, appended)
        added = self.state.windows.add(group, progress, np.array([event.value for event in events]))
        self.emitted += emitted(added.windows)
        self.late += [events[position] for position in added.late.tolist()]
        self.clamped += progress.clamped

    def checkpoint(self) -> list[Cell]:
        cells = list(self.state.take_changes())
        for key, content in cells:
            if content is None:
                del self.log[key]
            else:
                self.log[key] = content
        return cells

    def restart(self) -> None:
        """Another process takes over after a checkpoint."""
        self.checkpoint()
        self.state = self.new_state()
        self.state.restore(self.log)


def emitted(windows: Windows) -> list[Emitted]:
    return [Emitted(*row) for row in windows.rows()]


def batches(events: Sequence[Event], cuts: Iterable[int]) -> list[Sequence[Event]]:
    """The events cut before these positions."""
    bounds = sorted({0, len(events), *(cut % (len(events) + 1) for cut in cuts)})
    return [events[begin:end] for begin, end in pairwise(bounds)]


def run(
    driver: Driver[KeyedWindows], events: Sequence[Event], cuts: Iterable[int], restarts: bool = False
) -> Driver[KeyedWindows]:
    """Sends a stream in batches, with a restart after every other one where it is asked for."""
    for number, batch in enumerate(batches(events, cuts)):
        driver.send(*batch)
        if restarts and number % 2 == 0:
            driver.restart()
    return driver


def exact(windows: Iterable[Emitted]) -> list[Emitted]:
    """The windows but for their sums, which depend on the order of arrival in their last bits."""
    return [replace(window, total=0.0) for window in windows]
