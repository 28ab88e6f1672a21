"""What a training leaves for later comparisons: its hold-out with scores, and which rows it was fitted on.

It holds rows, so it stays in the run's folder and isn't part of the artifact.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from headrace.errors import ConfigurationError
from headrace.models.inputs import Input
from train_models.training_result import TrainingResult, TrainingRows

Array = np.ndarray[Any, Any]

ROWS_FILE = "hold_out.parquet"
ABOUT_FILE = "hold_out.json"
FITTED_IDS_FILE = "fitted_ids.parquet"
FITTED_CONTENTS_FILE = "fitted_contents.parquet"
_ID, _TARGET, _TIME, _GROUP, _SCORE = "row.id", "row.target", "row.time", "row.group", "score."


class _About(msgspec.Struct, frozen=True):
    inputs: tuple[Input, ...]
    metric: str
    chosen: str
    has_ids: bool
    threshold: float | None


@dataclass(frozen=True)
class HoldOut:
    """The rows that judge a version.

    Attributes:
        scores: of the chosen candidate and of each baseline, one per row.
        metric: by which the training chose.
        has_ids: whether ids name the same thing in another snapshot too; else they are row numbers.
        fitted_ids: id (and time, where rows have one) of the rows that the version was fitted on.
        fitted_contents: a hash of each such row, uint64.
    """

    rows: TrainingRows
    scores: dict[str, Array]
    metric: str
    chosen: str
    threshold: float | None
    has_ids: bool
    fitted_ids: frozenset[str]
    fitted_contents: Array

    @property
    def baselines(self) -> dict[str, Array]:
        """Scores of what was fitted for comparison alone."""
        return {name: scores for name, scores in self.scores.items() if name != self.chosen}


def hold_out_of(result: TrainingResult, has_ids: bool) -> HoldOut:
    """Of a training.

    Args:
        has_ids: whether the model file names an id.
    """
    fitted = result.rows.take(result.development)
    return HoldOut(
        result.rows.take(result.hold_out),
        result.hold_out_scores,
        result.metric,
        result.chosen,
        result.threshold,
        has_ids,
        frozenset(row_ids(fitted)),
        row_contents(fitted),
    )


def unseen_by(version: HoldOut, rows: TrainingRows, has_ids: bool) -> Array | None:
    """Which rows a version was not fitted on, a bool each; None where that can't be told.

    A row was seen if one of its content was, and, where both trainings have ids, if one of its id and time was.
    """
    ids_tell = has_ids and version.has_ids
    contents_tell = [field.name for field in version.rows.inputs] == [field.name for field in rows.inputs]
    if not (ids_tell or contents_tell):
        return None
    seen = np.zeros(len(rows), dtype=bool)
    if contents_tell:
        seen |= np.isin(row_contents(rows), version.fitted_contents)
    if ids_tell:
        seen |= np.array([each in version.fitted_ids for each in row_ids(rows)], dtype=bool)
    return ~seen


def row_ids(rows: TrainingRows) -> list[str]:
    """The id of each row, with its time where it has one: the same customer a month later is another row."""
    if rows.times is None:
        return [str(each) for each in rows.ids]
    return [f"{each}@{time}" for each, time in zip(rows.ids, rows.times, strict=True)]


def row_contents(rows: TrainingRows) -> Array:
    """A hash of each row's inputs and target: uint64."""
    hashed: Array = pd.util.hash_pandas_object(rows.frame.assign(**{_TARGET: rows.target}), index=False).to_numpy()
    return hashed


def write_hold_out(found: HoldOut, folder: Path) -> None:
    """Writes it into a run's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = found.rows.frame.assign(**{_ID: found.rows.ids.astype(str), _TARGET: found.rows.target})
    if found.rows.times is not None:
        frame = frame.assign(**{_TIME: found.rows.times})
    if found.rows.groups is not None:
        frame = frame.assign(**{_GROUP: found.rows.groups.astype(str)})
    frame = frame.assign(**{f"{_SCORE}{name}": scores for name, scores in found.scores.items()})
    frame.to_parquet(folder / ROWS_FILE, index=False)
    ids = sorted(found.fitted_ids) if found.has_ids else []
    pd.DataFrame({"id": pd.Series(ids, dtype=object)}).to_parquet(folder / FITTED_IDS_FILE, index=False)
    pd.DataFrame({"content": found.fitted_contents}).to_parquet(folder / FITTED_CONTENTS_FILE, index=False)
    # Written last: where it is, the others are.
    about = _About(found.rows.inputs, found.metric, found.chosen, found.has_ids, found.threshold)
    (folder / ABOUT_FILE).write_bytes(msgspec.json.encode(about))


def read_hold_out(folder: Path) -> HoldOut:
    """Of a run's folder.

    Raises:
        ConfigurationError: there is none, as where another machine trained.
    """
    try:
        about = msgspec.json.decode((folder / ABOUT_FILE).read_bytes(), type=_About)
        frame = pd.read_parquet(folder / ROWS_FILE)
        ids = pd.read_parquet(folder / FITTED_IDS_FILE)["id"]
        contents = pd.read_parquet(folder / FITTED_CONTENTS_FILE)["content"]
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"the run {folder.name} left no hold-out in {folder.parent}: {error}") from error
    rows = TrainingRows(
        about.inputs,
        frame[[field.name for field in about.inputs]],
        frame[_TARGET].to_numpy(),
        frame[_ID].to_numpy(),
        frame[_TIME].to_numpy() if _TIME in frame else None,
        frame[_GROUP].to_numpy() if _GROUP in frame else None,
    )
    scores = {name.removeprefix(_SCORE): frame[name].to_numpy() for name in frame if name.startswith(_SCORE)}
    fitted = (frozenset(ids), contents.to_numpy())
    return HoldOut(rows, scores, about.metric, about.chosen, about.threshold, about.has_ids, *fitted)
