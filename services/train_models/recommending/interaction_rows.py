"""From what a recommender's file says of its data to frozen interactions."""

import pyarrow as pa  # type: ignore[import-untyped]

from headrace.interactions.records import RAW
from train_models.data.blocks import TEXT
from train_models.data.data_spec import Source
from train_models.data.freeze import Kept, freeze_source
from train_models.data.leftovers import remove_leftovers
from train_models.data.places import Places
from train_models.data.snapshots import About, OnRows, Snapshot
from train_models.recommending.left_out import people_left_out, without

COLUMNS = ("site", "subject", "kind", "time", "item", "value", "consent", "flags")
"""Of `interactions.raw`; nothing personal is frozen."""


def freeze_interactions(data: Source, places: Places, on_rows: OnRows | None = None) -> Snapshot:
    """Reads and freezes them. Of `interactions.raw` nothing is kept of persons who don't consent or were flagged.

    Raises:
        ConfigurationError: says what of the data is wrong, and how to mend it.
        TransientError: where they are does not answer.
    """
    remove_leftovers(places.data)
    if data.topic is None or data.topic.name != RAW:
        return freeze_source(data, "", places, on_rows)
    chosen = data.model_copy(update={"columns": data.columns or COLUMNS})
    return freeze_source(chosen, "", places, on_rows, _kept(places.brokers))


def _kept(brokers: str) -> Kept:
    gone = pa.array(sorted(people_left_out(brokers)), TEXT)

    def kept(batch: pa.RecordBatch, about: About) -> pa.RecordBatch:
        return without(batch, gone, about)

    return kept
