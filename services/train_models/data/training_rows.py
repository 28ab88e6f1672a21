"""From a snapshot to the rows that a model is trained on."""

from dataclasses import dataclass

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from headrace.models.inputs import MISSING_TEXT, Input
from train_models.data.cells import Array, Cells, as_texts, as_times, input_column
from train_models.data.labels import classes, numbers
from train_models.data.snapshots import Snapshot
from train_models.model_file import ModelFile
from train_models.training_result import TrainingRows


@dataclass(frozen=True)
class PreparedRows:
    """Training rows, and what of the snapshot is not among them.

    Attributes:
        without_label: rows whose label is missing.
        duplicates: rows that are equal to an earlier one in all inputs and the label, where the file has them dropped.
    """

    rows: TrainingRows
    without_label: int
    duplicates: int


def training_rows(snapshot: Snapshot, model: ModelFile) -> PreparedRows:
    """The rows, with every value checked against its input.

    Raises:
        ConfigurationError: a column is missing, a value is not of its input's kind, missing or outside its bounds
            (names column, row of the snapshot from 1, and value), the label is no two classes, or no row has one.
    """
    data = model.data
    if strangers := sorted(set(data.accept) - set(model.inputs)):
        raise ConfigurationError(f"data.accept: {', '.join(strangers)} not among the inputs")
    named = [name for name in (data.row_id, data.row_time, data.row_group) if name is not None]
    table = snapshot.table([*model.inputs, data.label, *named])
    has_label = table.column(data.label).is_valid()
    kept = table.filter(has_label)
    if not kept.num_rows:
        raise ConfigurationError(f"label {data.label!r} is missing in all {table.num_rows} rows")

    numbered = np.flatnonzero(has_label.to_numpy()) + 1

    def column(name: str) -> Cells:
        return Cells(name, kept.column(name).combine_chunks(), numbered)

    declared = model.declared_inputs()
    times = None if data.row_time is None else _times(column(data.row_time))
    frame = pd.DataFrame({field.name: input_column(field, column(field.name)) for field in declared})
    rows = TrainingRows(
        inputs=tuple(_with_levels(field, frame[field.name]) for field in declared),
        frame=frame,
        target=_target(model, column(data.label)),
        ids=_ids(data.row_id, kept),
        times=times,
        groups=None if data.row_group is None else as_texts(kept.column(data.row_group)),
        known=None if data.events is None or times is None else times + data.events.label.horizon.total_seconds(),
        is_group_named=data.group is not None,
    )
    duplicates = duplicated(rows) if data.drop_duplicates else np.zeros(len(rows), dtype=bool)
    if duplicates.any():
        rows = rows.take(np.flatnonzero(~duplicates))
    return PreparedRows(rows, table.num_rows - kept.num_rows, int(duplicates.sum()))


def duplicated(rows: TrainingRows) -> Array:
    """Which rows are equal to an earlier one in all inputs and the target."""
    # A name of ours could be an input's.
    frame = rows.frame.set_axis(range(rows.frame.shape[1]), axis=1).assign(target=rows.target)
    return np.asarray(frame.duplicated().to_numpy(), dtype=bool)


def _with_levels(field: Input, values: "pd.Series[str]") -> Input:
    if field.kind != "category":
        return field
    return msgspec.structs.replace(field, levels=tuple(sorted(set(values) - {MISSING_TEXT})))


def _target(model: ModelFile, label: Cells) -> Array:
    if model.task == "regression":
        return numbers(label)
    if model.data.positive is None:
        raise ConfigurationError("data: positive is missing: the label's value that is to be predicted, such as 'Yes'")
    return classes(label, model.data.positive)


def _ids(name: str | None, table: pa.Table) -> Array:
    if name is None:
        found = np.empty(table.num_rows, dtype=object)
        found[:] = [str(number) for number in range(1, table.num_rows + 1)]
        return found
    return as_texts(table.column(name))


def _times(cells: Cells) -> Array:
    times = as_times(cells)
    if (missing := np.isnan(times)).any():
        raise ConfigurationError(f"time {cells.name!r} is missing in row {cells.first(missing)} and maybe others")
    return times
