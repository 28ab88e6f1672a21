"""A sample of a snapshot's rows, in memory for as many as are drawn, however many there are.

Each row gets a random key, and those with the least keys are drawn. The keys are made twice, to find the greatest that
is drawn and to take the rows, so that only drawn ones are ever kept. It doesn't depend on how the rows are cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from train_models.data.data_spec import Sample
from train_models.data.snapshots import Snapshot

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Draw:
    """What is drawn of a snapshot.

    Attributes:
        labelled: rows that have a label: those that are drawn from.
        up_to: the greatest key that is drawn.
    """

    labelled: int
    up_to: float


def draw(snapshot: Snapshot, label: str, sample: Sample) -> Draw:
    """Finds which rows are to be drawn: all that have a label where these are no more than wanted.

    Raises:
        ConfigurationError: there is no such column.
    """
    labelled, least = 0, np.empty(0)
    for _, keys in _keyed(snapshot.batches([label]), label, sample.seed):
        labelled += len(keys)
        if len(least) == sample.rows:
            keys = keys[keys < least.max()]
        least = np.concatenate([least, keys])
        if len(least) > sample.rows:
            least = np.partition(least, sample.rows - 1)[: sample.rows]
    return Draw(labelled, float(least.max(initial=0.0)))


def drawn_rows(snapshot: Snapshot, label: str, sample: Sample, found: Draw) -> Iterator[pa.RecordBatch]:
    """The rows that are drawn, in the snapshot's order."""
    for batch, keys in _keyed(snapshot.batches(), label, sample.seed):
        has_label = batch.column(label).is_valid().to_numpy(zero_copy_only=False)
        places = np.flatnonzero(has_label)[keys <= found.up_to]
        if len(places):
            yield batch.take(pa.array(places))


def _keyed(batches: Iterator[pa.RecordBatch], label: str, seed: int) -> Iterator[tuple[pa.RecordBatch, Array]]:
    """Batches with a key for each row of them that has a label."""
    random = np.random.default_rng(seed)
    for batch in batches:
        yield batch, random.random(batch.num_rows - batch.column(label).null_count)
