"""Frozen interactions as numbers: who did something worth how much with which item, in the order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from headrace.errors import ConfigurationError
from headrace.interactions.records import Interaction, Kind
from headrace.interactions.weights import weight_of
from train_models.data.blocks import BLOCK_ROWS
from train_models.data.duck import duck, literal, quoted, view
from train_models.data.snapshots import Snapshot
from train_models.data.times_in_sql import epoch_us
from train_models.recommending.recommender_file import NEEDED, RecommenderFile

MACHINE = "bot"
"""The flag of what a machine did."""
_ROWS = "interactions"


@dataclass(frozen=True)
class Interactions:
    """What is worth something, rising by time.

    Attributes:
        items: names, by number.
        subjects: int32, (n,): numbers of persons, from 0.
        item: int32, (n,).
        times: int64, (n,): microseconds UTC.
        weights: float32, (n,): of `headrace.interactions.weights`, above 0.
        people: how many persons there are.
    """

    items: tuple[str, ...]
    subjects: NDArray[np.int32]
    item: NDArray[np.int32]
    times: NDArray[np.int64]
    weights: NDArray[np.float32]
    people: int

    def __len__(self) -> int:
        return len(self.times)

    def until(self, end: int) -> "Interactions":
        """The first so many, with the same numbers."""
        return Interactions(
            self.items,
            self.subjects[:end],
            self.item[:end],
            self.times[:end],
            self.weights[:end],
            self.people,
        )


def interactions_of(snapshot: Snapshot, model: RecommenderFile, scratch: Path, memory_mb: int) -> Interactions:
    """Of the site's rows those that may be learned, and that are worth something.

    Left out is what a machine did, all of a person whose newest word on consent is no, and what came before the newest
    consent of one who withdrew it once. The order is that of time, and of names where times are equal, so the same rows
    give the same.

    Args:
        scratch: a folder for DuckDB.

    Raises:
        ConfigurationError: a column is missing, a time can't be read, a kind isn't known, or nothing is left.
    """
    if missing := [name for name in NEEDED if name not in snapshot.columns]:
        raise ConfigurationError(
            f"{model.name}: interactions need {', '.join(missing)}, and the data have {', '.join(snapshot.columns)}: "
            "say under data.rename what they are called"
        )
    with duck(scratch, memory_mb) as connection:
        columns = view(connection, _ROWS, snapshot.path)
        time = epoch_us(connection, _ROWS, "time", columns["time"])
        reader = connection.sql(_query(model, columns, time)).to_arrow_reader(BLOCK_ROWS)
        found = _numbered(reader)
    if not len(found):
        raise ConfigurationError(
            f"{model.name}: of {snapshot.rows:,} rows none is of site {model.site!r}, with consent, and says something "
            "in favour of an item"
        )
    return found


def _query(model: RecommenderFile, columns: dict[str, str], time: str) -> str:
    def text(name: str, instead: str) -> str:
        return f"COALESCE(CAST({quoted(name)} AS VARCHAR), {instead})" if name in columns else instead

    value = f"TRY_CAST({quoted('value')} AS DOUBLE)" if "value" in columns else "CAST(NULL AS DOUBLE)"
    consent = f"TRY_CAST({quoted('consent')} AS BOOLEAN)" if "consent" in columns else "CAST(NULL AS BOOLEAN)"
    site = literal(model.site)
    return f"""
        WITH own AS (
            SELECT CAST(subject AS VARCHAR) AS subject, {text("item", "NULL")} AS item,
                {text("kind", literal(model.kind))} AS kind, {value} AS value, {consent} AS consent,
                {text("flags", "''")} AS flags, {time} AS time
            FROM {_ROWS} WHERE {text("site", site)} = {site} AND subject IS NOT NULL
        ), said AS (
            SELECT subject, max(time) FILTER (consent IS NOT TRUE) AS withdrawn, max(time) FILTER (consent) AS given
            FROM own WHERE kind = 'consent' GROUP BY subject
        )
        SELECT own.subject AS subject, own.item AS item, own.kind AS kind, own.value AS value, own.time AS time
        FROM own LEFT JOIN said USING (subject)
        WHERE item IS NOT NULL AND kind <> 'consent' AND NOT list_contains(string_split(flags, ','), '{MACHINE}')
            AND (withdrawn IS NULL OR (given IS NOT NULL AND given > withdrawn AND own.time >= given))
        ORDER BY time, subject, item, kind, value
    """  # noqa: S608 - names and values are quoted


class _Numbers:
    """Names ↔ numbers, in the order of first sight."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def of(self, names: pa.Array) -> NDArray[np.int32]:
        coded = names.dictionary_encode()
        own = np.array([self._of.setdefault(name, len(self._of)) for name in coded.dictionary.to_pylist()], np.int32)
        found: NDArray[np.int32] = own[coded.indices.to_numpy()]
        return found

    def names(self) -> tuple[str, ...]:
        return tuple(self._of)


def _numbered(reader: Any) -> Interactions:
    people, items = _Numbers(), _Numbers()
    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]] = []
    for batch in reader:
        weights = _weights(batch.column("kind").to_pylist(), batch.column("value").to_pylist())
        worth = pa.array(weights > 0)
        kept = batch.filter(worth)
        if kept.num_rows:
            times = kept.column("time").to_numpy()
            parts.append(
                (people.of(kept.column("subject")), items.of(kept.column("item")), times, weights[weights > 0])
            )
    if not parts:
        nothing = np.zeros(0, np.int32)
        return Interactions((), nothing, nothing, np.zeros(0, np.int64), np.zeros(0, np.float32), 0)
    subjects, item, times, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Interactions(items.names(), subjects, item, times.astype(np.int64), weights, len(people.names()))


def _weights(kinds: Sequence[str], values: Sequence[float | None]) -> NDArray[np.float32]:
    known: dict[tuple[str, float | None], float] = {}
    found = np.empty(len(kinds), np.float32)
    for at, pair in enumerate(zip(kinds, values, strict=True)):
        weight = known.get(pair)
        if weight is None:
            weight = known[pair] = _weight(*pair)
        found[at] = weight
    return found


def _weight(kind: str, value: float | None) -> float:
    if kind not in get_args(Kind):
        raise ConfigurationError(f"{kind!r} is no kind of interaction; there are {', '.join(get_args(Kind))}")
    return weight_of(Interaction("", "", "", cast(Kind, kind), 0, 0, value=value))
