"""From what a model file says of its data to the frozen rows that it is trained on."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from train_models.data.as_of_join import joined_rows
from train_models.data.data_spec import Data, Sample, Source
from train_models.data.duck import duck
from train_models.data.event_rows import event_rows
from train_models.data.leftovers import SCRATCH, remove_leftovers
from train_models.data.places import Places
from train_models.data.sample import draw, drawn_rows
from train_models.data.snapshots import About, OnRows, Snapshot, write_snapshot
from train_models.data.sources.read_rows import read_rows

Kept = Callable[[pa.RecordBatch, About], pa.RecordBatch]


def freeze(data: Data, places: Places, on_rows: OnRows | None = None) -> Snapshot:
    """Reads the rows, makes them of events, joins feature tables and draws a sample where the file says so.

    The result is frozen. What is read is frozen too, each source by itself, and named among the snapshot's parents:
    from them the rows can be made again when the source has gone on. The same rows give the same snapshot.

    Args:
        on_rows: told how many rows of the source at hand are there so far.

    Raises:
        ConfigurationError: says what of the data is wrong, and how to mend it.
        TransientError: where they are does not answer.
    """
    remove_leftovers(places.data)
    snapshot = freeze_source(data.source(), data.label, places, on_rows)
    if data.events is not None:
        snapshot = _freeze_events(snapshot, data, places)
    if data.join:
        tables = [freeze_source(join.source, data.label, places, on_rows) for join in data.join]
        snapshot = _freeze_join(snapshot, data, tables, places)
    if data.sample is not None:
        snapshot = _freeze_sample(snapshot, data.sample, data.label, places)
    return snapshot


def freeze_source(
    source: Source, label: str, places: Places, on_rows: OnRows | None = None, kept: Kept | None = None
) -> Snapshot:
    """Freezes the rows of a source as they are, but for those that are not to be kept.

    Args:
        label: name that outcomes of predictions get.
        kept: gives of each batch what is frozen, and counts in `About.left_out` what isn't.
    """
    about = About(source=_described(source))
    with _old_objects_aside(), read_rows(source, label, places, about) as rows:
        frozen = rows if kept is None else (kept(batch, about) for batch in rows)
        return write_snapshot(frozen, lambda: about, places.data, on_rows)


def _freeze_events(events: Snapshot, data: Data, places: Places) -> Snapshot:
    if data.events is None:
        return events
    described = data.events.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    about = About(source={"events": described}, parents=(events.sha256,))
    with duck(places.data / SCRATCH, places.memory_mb) as connection:
        rows = event_rows(connection, events.path, data.events, data.label, about)
        return write_snapshot(rows, lambda: about, places.data)


def _freeze_join(rows: Snapshot, data: Data, tables: list[Snapshot], places: Places) -> Snapshot:
    about = About(
        source={"join": [join.model_dump(mode="json", by_alias=True, exclude_defaults=True) for join in data.join]},
        parents=(rows.sha256, *(table.sha256 for table in tables)),
    )
    beside = [(join, table.path) for join, table in zip(data.join, tables, strict=True)]
    with duck(places.data / SCRATCH, places.memory_mb) as connection:
        joined = joined_rows(connection, rows.path, data.row_time, beside)
        return write_snapshot(joined, lambda: about, places.data)


def _freeze_sample(rows: Snapshot, sample: Sample, label: str, places: Places) -> Snapshot:
    """The rows themselves where all that have a label would be drawn."""
    found = draw(rows, label, sample)
    if found.labelled <= sample.rows:
        return rows
    about = About(
        source={"sample": sample.model_dump()},
        parents=(rows.sha256,),
        left_out={name: count for name, count in _not_drawn(rows.rows, found.labelled, sample.rows).items() if count},
    )
    return write_snapshot(drawn_rows(rows, label, sample, found), lambda: about, places.data)


def _not_drawn(rows: int, labelled: int, wanted: int) -> dict[str, int]:
    return {"rows without a label": rows - labelled, "rows that were not drawn": labelled - wanted}


@contextmanager
def _old_objects_aside() -> Iterator[None]:
    """Millions of short-lived objects make Python look through all old ones again and again: a third of all time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _described(source: Source) -> dict[str, Any]:
    return source.model_dump(mode="json", exclude_defaults=True)
