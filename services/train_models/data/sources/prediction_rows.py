"""Predictions joined with what came of them: the rows from which a model learns what it was asked."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from headrace.models.records import MADE, OUTCOMES, Value
from train_models.data.data_spec import PredictionRows, TopicRows
from train_models.data.duck import ROW, batches, duck, quoted, view
from train_models.data.places import Places
from train_models.data.snapshots import About
from train_models.data.sources.file_rows import batch_of_objects
from train_models.data.sources.topic_rows import topic_rows
from train_models.data.spool import spooled

PREDICTIONS = "predictions-"
"""How the names of folders of half-made rows begin."""
_ID, _RANK, _LABEL = "headrace.id", "headrace.rank", "headrace.label"
_ROLES = ("champion", "canary", "shadow")
_META = {"id": "prediction_id", "made": "made", "event_time": "event_time", "subject": "subject", "version": "version"}
"""Field of the prediction → column beside the features; a feature of the same name has it."""
_FEATURES = msgspec.json.Decoder(dict[str, Value])


@contextmanager
def prediction_rows(
    spec: PredictionRows, label: str, places: Places, about: About
) -> Iterator[Iterator[pa.RecordBatch]]:
    """One row per prediction whose outcome is known, in the order of the log.

    Features are columns, and `label` is the newest outcome, a number: 1 where the positive class came. Where several
    versions scored the same row, it is there once, as the champion saw it. The score is not a column, as it must not
    be an input.

    Raises:
        ConfigurationError: the model has no predictions or none with an outcome; or as `topic_rows`.
        TransientError: the brokers don't answer.
    """
    scratch = places.data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=PREDICTIONS, dir=scratch) as folder:
        made, outcomes = Path(folder) / "made.parquet", Path(folder) / "outcomes.parquet"
        topic = TopicRows(name=MADE, since=spec.since)
        told = topic_rows(topic, ("model", "role", "features", *_META), places.brokers, about)
        with spooled((with_features(batch) for batch in _of_model(told, spec.model)), scratch) as rows:
            if not _write(rows, made):
                raise ConfigurationError(f"{MADE} holds no prediction of {spec.model} in this range")
        came = topic_rows(TopicRows(name=OUTCOMES), ("id", "model", "label"), places.brokers, about)
        if not _write(_of_model(came, spec.model), outcomes):
            raise ConfigurationError(f"{OUTCOMES} holds no outcome of {spec.model}: tell it by POST /v1/outcomes")
        with duck(scratch, places.memory_mb) as connection:
            columns = view(connection, "made", made)
            view(connection, "outcomes", outcomes)
            if label in columns:
                raise ConfigurationError(f"label: {label!r} is a feature of {spec.model}'s predictions already")
            kept = [name for name in columns if name not in (_ID, _RANK)]
            yield batches(connection, _joined(kept, label))


def _joined(columns: Iterable[str], label: str) -> str:
    """A later record of an id has a higher row number: all records of an id are in one partition."""
    shown = ", ".join(f"first_made.{quoted(name)}" for name in columns)
    return f"""
        WITH first_made AS (
            SELECT * FROM made
            QUALIFY row_number() OVER (PARTITION BY {quoted(_ID)} ORDER BY {quoted(_RANK)}, {ROW}) = 1
        ), newest AS (
            SELECT id, label FROM outcomes QUALIFY row_number() OVER (PARTITION BY id ORDER BY {ROW} DESC) = 1
        )
        SELECT {shown}, newest.label AS {quoted(label)}
        FROM first_made JOIN newest ON newest.id = first_made.{quoted(_ID)}
        ORDER BY first_made.{ROW}
    """  # noqa: S608 - every name is quoted


def _of_model(rows: Iterable[pa.RecordBatch], model: str) -> Iterator[pa.RecordBatch]:
    for batch in rows:
        found = batch.filter(pc.equal(batch.column("model"), model))
        if found.num_rows:
            yield found


def with_features(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Records of predictions as rows of their features, with what else is known of each beside them."""
    features = batch_of_objects([_FEATURES.decode(text) for text in batch.column("features").to_pylist()], MADE)
    found = dict(zip(features.schema.names, features.columns, strict=True))
    for field, name in _META.items():
        found.setdefault(name, batch.column(field))
    found[_ID] = batch.column("id")
    found[_RANK] = pc.index_in(batch.column("role"), pa.array(_ROLES))
    return pa.RecordBatch.from_arrays(list(found.values()), names=list(found))


def _write(rows: Iterable[pa.RecordBatch], path: Path) -> bool:
    """Writes rows, and says whether there were any."""
    writer = None
    try:
        for batch in rows:
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="lz4")
            writer.write_batch(batch)
    finally:
        if writer is not None:
            writer.close()
    return writer is not None
