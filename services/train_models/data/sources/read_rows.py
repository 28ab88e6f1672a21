"""Opens a source's rows, whichever it is."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from train_models.data.blocks import TEXT
from train_models.data.data_spec import Source
from train_models.data.places import Places
from train_models.data.snapshots import About
from train_models.data.sources.cassandra_rows import cassandra_rows
from train_models.data.sources.file_rows import file_rows
from train_models.data.sources.prediction_rows import prediction_rows
from train_models.data.sources.sql_rows import sql_rows
from train_models.data.sources.topic_rows import topic_rows
from train_models.data.spool import spooled


@contextmanager
def read_rows(source: Source, label: str, places: Places, about: About) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a source, with the columns and names that it says; to be read inside the context.

    Args:
        label: name that outcomes of predictions get.
        about: what is found out on the way is noted there, by the end of the rows.

    Raises:
        ConfigurationError: the source is not there, or holds what can't be rows.
        TransientError: what it is in does not answer.
    """
    with _opened(source, label, places, about) as rows:
        yield (_chosen(batch, source) for batch in rows)


def _opened(
    source: Source, label: str, places: Places, about: About
) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
    scratch = places.data / "scratch"
    if source.files is not None:
        return file_rows(source.files, source.delimiter, places.files, scratch)
    if source.topic is not None:
        return nullcontext(topic_rows(source.topic, source.columns, places.brokers, about))
    if source.predictions is not None:
        return prediction_rows(source.predictions, label, places, about)
    if source.sql is not None:
        return spooled(sql_rows(source.sql, places.environment), scratch)
    if source.cassandra is None or places.cassandra is None:
        raise ConfigurationError("the rows come from Cassandra, and no settings say where that is")
    return spooled(cassandra_rows(source.cassandra, places.cassandra), scratch)


def _chosen(batch: pa.RecordBatch, source: Source) -> pa.RecordBatch:
    """The columns that are wanted, renamed, and without the texts that mean that there is nothing."""
    names = list(source.columns) or batch.schema.names
    if missing := [name for name in (*names, *source.rename) if name not in batch.schema.names]:
        there = ", ".join(batch.schema.names)
        raise ConfigurationError(f"the source has no column {', '.join(map(repr, missing))}; there are {there}")
    renamed = [source.rename.get(name, name) for name in names]
    if twice := sorted({name for name in renamed if renamed.count(name) > 1}):
        raise ConfigurationError(f"two columns are called {', '.join(map(repr, twice))}: `rename` one of them")
    columns = [_without_missing(batch.column(name), source.missing_values) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=renamed)


def _without_missing(column: pa.Array, missing_values: tuple[str, ...]) -> pa.Array:
    if not (pa.types.is_string(column.type) and missing_values):
        return column
    return pc.if_else(pc.is_in(column, pa.array(missing_values, TEXT)), None, column)
