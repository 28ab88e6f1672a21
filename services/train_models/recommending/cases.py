"""What is to be foretold: each new item of a person in a part of the time, from what the person did before it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.situation import RECENT, counts_for
from train_models.recommending.interactions import Interactions


@dataclass(frozen=True)
class Cases:
    """One case per row.

    Attributes:
        known: items 0 to `known` are ranked: those that somebody had to do with before the part begins.
        people: int32, (cases,): numbers of persons.
        targets: int32, (cases,): the item that came; from `known` on it is one that nothing could foretell.
        times: int64, (cases,): microseconds UTC.
        bounds: int64, (cases + 1,): where each case's history is in `history` and `weights`.
        history: int32: the last items of the person, the newest first, as in serving.
        weights: float32, the same length: what each counts for, as in serving.
        seen: per case what of `own` the person knew: start and end, int64, (cases, 2). It isn't ranked.
        own: int32: items of persons in the order in which they came.
        cold: new items of persons of whom nothing was known, which are no cases: no batch model has an answer.
    """

    known: int
    people: NDArray[np.int32]
    targets: NDArray[np.int32]
    times: NDArray[np.int64]
    bounds: NDArray[np.int64]
    history: NDArray[np.int32]
    weights: NDArray[np.float32]
    seen: NDArray[np.int64]
    own: NDArray[np.int32]
    cold: int

    def __len__(self) -> int:
        return len(self.targets)

    def since(self, time: int) -> "Cases":
        """Those from a time on, microseconds UTC."""
        kept = self.times >= time
        lengths = np.diff(self.bounds)
        history = np.repeat(kept, lengths)
        bounds = np.concatenate(([0], np.cumsum(lengths[kept]))).astype(np.int64)
        return replace(
            self,
            people=self.people[kept],
            targets=self.targets[kept],
            times=self.times[kept],
            bounds=bounds,
            history=self.history[history],
            weights=self.weights[history],
            seen=self.seen[kept],
        )


def split_at(past: Interactions, share: float) -> int:
    """The place at which the newest share of the interactions begins; what is of one moment stays together."""
    place = min(len(past) - 1, int(len(past) * (1 - share)))
    return int(np.searchsorted(past.times, past.times[place], "left"))


def cases_of(past: Interactions, begin: int, end: int, most: int, seed: int) -> Cases:
    """The cases among the interactions from one place to another.

    Args:
        most: about so many; persons are drawn by the seed until there are as many.
    """
    until = past.until(end)
    order = np.argsort(until.subjects, kind="stable")
    people, starts = np.unique(until.subjects[order], return_index=True)
    wanted = np.unique(until.subjects[begin:])
    drawn = np.random.default_rng(seed).permutation(wanted)
    ends = np.append(starts[1:], len(order))
    found = _Found()
    for person in drawn:
        at = int(np.searchsorted(people, person))
        found.take(int(person), until, order[starts[at] : ends[at]], begin)
        if len(found.targets) >= most:
            break
    known = int(until.item[:begin].max()) + 1 if begin else 0
    return found.cases(known)


class _Found:
    def __init__(self) -> None:
        self.people: list[int] = []
        self.targets: list[int] = []
        self._times: list[int] = []
        self._bounds = [0]
        self._history: list[int] = []
        self._weights: list[float] = []
        self._seen: list[tuple[int, int]] = []
        self._own: list[int] = []
        self._cold = 0

    def take(self, person: int, past: Interactions, rows: NDArray[Any], begin: int) -> None:
        """One person's rows, by time."""
        start = len(self._own)
        recent: dict[int, tuple[int, float]] = {}
        for moment in _moments(past, rows):
            for row, item, _ in moment:
                if row >= begin and item not in recent:
                    self._add(person, item, int(past.times[row]), recent, start)
            for row, item, weight in moment:
                if recent.pop(item, None) is None:
                    self._own.append(item)
                recent[item] = (int(past.times[row]), weight)

    def _add(self, person: int, item: int, time: int, recent: dict[int, tuple[int, float]], start: int) -> None:
        if not recent:
            self._cold += 1
            return
        newest = list(recent.items())[: -RECENT - 1 : -1]
        self.people.append(person)
        self.targets.append(item)
        self._times.append(time)
        self._history += [each for each, _ in newest]
        self._weights += [counts_for(place, weight, time - then) for place, (_, (then, weight)) in enumerate(newest)]
        self._bounds.append(len(self._history))
        self._seen.append((start, len(self._own)))

    def cases(self, known: int) -> Cases:
        return Cases(
            known,
            np.array(self.people, np.int32),
            np.array(self.targets, np.int32),
            np.array(self._times, np.int64),
            np.array(self._bounds, np.int64),
            np.array(self._history, np.int32),
            np.array(self._weights, np.float32),
            np.array(self._seen, np.int64).reshape(-1, 2),
            np.array(self._own, np.int32),
            self._cold,
        )


def _moments(past: Interactions, rows: NDArray[Any]) -> Iterator[list[tuple[int, int, float]]]:
    """The rows of each time together: a basket tells nothing of itself."""
    moment: list[tuple[int, int, float]] = []
    last = None
    for row in rows.tolist():
        time = past.times[row]
        if moment and time != last:
            yield moment
            moment = []
        moment.append((row, int(past.item[row]), float(past.weights[row])))
        last = time
    if moment:
        yield moment
