"""What has looked at which rows of hold-outs, over all model files: each look more is one more to choose by."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np
import pandas as pd

from headrace.clock import Clock
from headrace.models.manifest import sha256
from train_models.registry.hold_out import row_contents, row_ids
from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]

MOST_HASHES = 16_384
"""Of a hold-out's rows that are kept: 128 KiB. Of more rows it is the smallest hashes, a random sample."""
SHARED = 0.1
"""A hold-out is looked at again where more than this share of its rows was looked at."""
_LOOKS_FILE = "looks.jsonl"


class Look(msgspec.Struct, frozen=True):
    """One look.

    Attributes:
        judged: what was judged, see `run_store.look_of`.
        hold_out: name of the rows that judged.
        at: microseconds UTC.
    """

    judged: str
    model: str
    hold_out: str
    at: int


@dataclass(frozen=True)
class HeldRows:
    """A hold-out, known by hashes of its rows: uint64, rising, each once.

    Attributes:
        ids: of id, time and target, so that rows are the same ones where inputs are edited.
        contents: of all inputs and the target, which know a row where the file names no id; else empty.
    """

    ids: Array
    contents: Array

    @property
    def name(self) -> str:
        """By which it is told from others."""
        return sha256(self.ids.tobytes() + self.contents.tobytes())

    def shared_with(self, other: "HeldRows") -> float:
        """Which share of its own rows, 0 to 1, is among those of the other."""
        return max(_shared(self.ids, other.ids), _shared(self.contents, other.contents))


def held_rows(rows: TrainingRows, label: str, snapshot_sha256: str, has_ids: bool) -> HeldRows:
    """Of the hold-out's rows.

    Args:
        label: the target's name: another question to the same rows is no look at this one's answers.
        snapshot_sha256: of the rows of which these are some.
        has_ids: whether ids name the same row in another snapshot too; else they are its row numbers.
    """
    of = json.dumps([label] if has_ids else [label, snapshot_sha256])
    texts = [f"{of} {row} {target}" for row, target in zip(row_ids(rows), rows.target, strict=True)]
    ids = pd.util.hash_array(np.array(texts, dtype=object), categorize=False)
    return HeldRows(_smallest(ids), _smallest(row_contents(rows) if not has_ids else np.zeros(0, dtype=np.uint64)))


class HoldOutLedger:
    """A line per look, only ever added to, and a file with hashes per hold-out.

    The same model file's looks at other rows are no choice by what was seen: retraining on newer rows counts nothing.

    Args:
        folder: that of the data; the ledger is in its folder `hold_outs`.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder / "hold_outs"
        self._clock = clock

    def note(self, held: HeldRows, judged: str, model: str) -> None:
        """Writes that these rows judge something; it is on disk when this returns. The same look is noted once."""
        if any((look.judged, look.hold_out) == (judged, held.name) for look in self._looks()):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._keep(held)
        line = msgspec.json.encode(Look(judged, model, held.name, self._clock.now_us()))
        # A line of its own whatever a process that was killed left of its line.
        with (self._folder / _LOOKS_FILE).open("ab", buffering=0) as file:
            file.write(b"\n" + line + b"\n")
            os.fsync(file.fileno())

    def before(self, held: HeldRows, judged: str) -> int:
        """How many others these rows, or more than `SHARED` of them, judged before; all of them where it is not noted.

        What is judged is told by the model file, so that edits count wherever they are made.
        """
        shares: dict[str, float] = {held.name: 1.0}
        found: set[str] = set()
        for look in self._looks():
            if (look.judged, look.hold_out) == (judged, held.name):
                break
            if look.hold_out not in shares:
                shares[look.hold_out] = held.shared_with(self._load(look.hold_out))
            if shares[look.hold_out] > SHARED:
                found.add(look.judged)
        return len(found - {judged})

    def _keep(self, held: HeldRows) -> None:
        path = self._path(held.name)
        if path.exists():
            return
        unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, ids=held.ids, contents=held.contents)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def _load(self, name: str) -> HeldRows:
        try:
            with np.load(self._path(name), allow_pickle=False) as found:
                return HeldRows(found["ids"], found["contents"])
        except (OSError, ValueError, KeyError, BadZipFile):
            # Removed or broken by someone: what it shared can't be told.
            nothing = np.zeros(0, dtype=np.uint64)
            return HeldRows(nothing, nothing)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"

    def _looks(self) -> list[Look]:
        try:
            lines = (self._folder / _LOOKS_FILE).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Look))
            except msgspec.MsgspecError:
                # An empty line, or what a killed process left of one: that one has not looked yet.
                continue
        return found


def _smallest(hashes: Array) -> Array:
    return np.unique(hashes)[:MOST_HASHES]


def _shared(own: Array, other: Array) -> float:
    """The share of own rows that the other has, estimated from the hashes up to which both are whole.

    Bottom-k sampling (Thorup, STOC 2013): the smallest hashes are the same random sample of rows on both sides.
    """
    for side in (own, other):
        if len(side) == MOST_HASHES:
            own, other = own[own <= side[-1]], other[other <= side[-1]]
    return float(np.isin(own, other, assume_unique=True).mean()) if len(own) else 0.0
