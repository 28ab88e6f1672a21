"""The sums of experiments once more, from a partition's records, by the rules that make them live."""

from collections.abc import Iterable
from typing import Any

from headrace.errors import TerminalError
from headrace.interactions.records import TOTALS, ExperimentTotals
from headrace.records import decode
from headrace.streams.batch import Batch, OutRecord, Rules

_TAKEN_EVERY = 20_000


class Recomputation:
    """One partition's totals, by key; everything else that the rules write is dropped.

    Args:
        rules: of the stage that writes the totals.
    """

    def __init__(self, rules: Rules[Any]) -> None:
        self._rules = rules
        self._state = rules.new_state()
        self._state.restore({})
        self._since = 0
        self.records = 0
        self.totals: dict[bytes, ExperimentTotals] = {}

    def take(self, batch: Batch) -> None:
        """The next records of one of the stage's inputs, which come merged by append time."""
        self._note(self._rules.process(self._state, batch))
        self.records += len(batch)
        self._since += len(batch)
        if self._since >= _TAKEN_EVERY:
            # As at a checkpoint: what changed leaves the objects for cells, which take less memory.
            self._since = 0
            for _ in self._state.take_changes():
                pass

    def _note(self, outputs: Iterable[OutRecord]) -> None:
        for output in outputs:
            if output.topic == TOTALS and output.key is not None:
                note_totals(self.totals, output.key, output.value, output.headers)


def note_totals(totals: dict[bytes, ExperimentTotals], key: bytes, value: bytes | None, headers: Any) -> None:
    """Keeps the newest record of a key; without a value, or where this version can't read it, none."""
    totals.pop(key, None)
    if value is None:
        return
    try:
        record = decode(value, headers)
    except TerminalError:
        return
    if isinstance(record, ExperimentTotals):
        totals[key] = record


def differences(stored: Iterable[ExperimentTotals], recomputed: Iterable[ExperimentTotals]) -> list[str]:
    """What isn't the same in both but for when it was made, in words; empty where all is."""
    ours, theirs = _by_place(stored), _by_place(recomputed)
    return [
        f"{'/'.join(map(str, place))}: stored {ours.get(place, 'nothing')}, recomputed {theirs.get(place, 'nothing')}"
        for place in sorted(ours.keys() | theirs.keys())
        if ours.get(place) != theirs.get(place)
    ]


def _by_place(totals: Iterable[ExperimentTotals]) -> dict[tuple[str, int, str, int], dict[str, object]]:
    """The figures of arms that somebody is in: who was erased is stored as taken back, and never in a recomputation."""
    found = {_place(each): _figures(each) for each in totals}
    return {place: figures for place, figures in found.items() if figures != {"enrolled": 0}}


def _place(totals: ExperimentTotals) -> tuple[str, int, str, int]:
    return totals.experiment, totals.revision, totals.arm, totals.partition


def _figures(totals: ExperimentTotals) -> dict[str, object]:
    # An arm of which all was taken back is as one that nobody was in.
    sums = {name: (s.n, s.y, s.yy, s.x, s.xx, s.xy) for name, s in sorted(totals.metrics.items()) if s.n}
    return {"enrolled": totals.enrolled, **sums}
