"""Predictions of an online model joined with their outcomes, from which versions are judged and compared."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from headrace.models.online import OnlineModel
from headrace.models.records import MADE, OUTCOMES
from train_models.data.blocks import INTEGER, NUMBER, TEXT, TIME
from train_models.data.data_spec import TopicRows
from train_models.data.duck import duck, literal, view
from train_models.data.places import Places
from train_models.data.snapshots import About
from train_models.data.sources.topic_rows import topic_rows
from train_models.online.block_losses import BlockLosses
from train_models.online.loss_sql import periods_query
from train_models.online.prequential import Prequential

_SCHEMAS = {
    "made": pa.schema([("id", TEXT), ("version", INTEGER), ("subject", TEXT), ("event_time", TIME), ("score", NUMBER)]),
    "outcomes": pa.schema([("id", TEXT), ("label", NUMBER)]),
}
_MODEL = "model"


class JudgedPeriods:
    """The periods of one model, by version; to be used inside of `judged_periods`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, model: OnlineModel) -> None:
        self._connection = connection
        self._block_us = model.period_s * model.season * 1_000_000

    def prequential(self) -> dict[int, Prequential]:
        """Version → how good it was, of those of which an outcome is known."""
        rows = self._connection.sql("""
            SELECT version, count(*), count(DISTINCT subject), min(start), max(start),
                avg(first), avg(squared), avg(base_first), avg(base_squared),
                avg(first / unit_first) FILTER (base_first IS NOT NULL),
                avg(squared / unit_squared) FILTER (base_first IS NOT NULL)
            FROM periods GROUP BY version ORDER BY version
        """).fetchall()
        return {row[0]: Prequential(*row[1:]) for row in rows}

    def blocks(self, versions: Sequence[int], loss: str) -> BlockLosses:
        """Losses of versions on the periods that all of them predicted, with the same outcome, added up by season.

        What has no unit, as a series that never changed, is left out.

        Args:
            loss: `first` or `squared`; errors of a mean are divided by their series' unit.
        """
        wanted = ", ".join(map(str, versions))
        sums = ", ".join(f"sum({loss} / unit) FILTER (version = {version})" for version in versions)
        found = self._connection.sql(f"""
            WITH shared AS (
                SELECT subject, start FROM periods WHERE version IN ({wanted}) GROUP BY subject, start
                HAVING count(*) = {len(versions)} AND min(label) = max(label)
            ), compared AS (
                SELECT periods.*, unit_{loss} AS unit FROM periods JOIN shared USING (subject, start)
                WHERE version IN ({wanted}) AND unit_{loss} IS NOT NULL AND base_{loss} IS NOT NULL
            )
            SELECT start // {self._block_us} AS block, count(*) FILTER (version = {versions[0]}),
                sum(label) FILTER (version = {versions[0]}),
                sum(base_{loss} / unit) FILTER (version = {versions[0]}), {sums}
            FROM compared GROUP BY block ORDER BY block
        """).fetchall()  # noqa: S608 - numbers and names that are made here
        columns = np.array(found, dtype=np.float64).reshape(len(found), 4 + len(versions)).T
        return BlockLosses(
            columns[0] * self._block_us / 1e6,
            columns[1],
            columns[2],
            columns[3],
            dict(zip(versions, columns[4:], strict=True)),
        )


@contextmanager
def judged_periods(model: OnlineModel, places: Places, since_us: int = 0) -> Iterator[JudgedPeriods]:
    """Reads what was predicted and what came of it, from the logs' start to their committed ends, in bounded memory.

    Args:
        model: as `find_online_model` gives it.
        since_us: start of the first period that counts, microseconds UTC.

    Raises:
        ConfigurationError: a topic is missing, or too many of its records can't be decoded.
        TransientError: the brokers don't answer.
    """
    scratch = places.data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="online-", dir=scratch) as folder, duck(scratch, places.memory_mb) as connection:
        for name, topic in (("made", MADE), ("outcomes", OUTCOMES)):
            rows = topic_rows(TopicRows(name=topic), (*_SCHEMAS[name].names, _MODEL), places.brokers, About())
            write_records(_of_model(rows, model.name), name, Path(folder))
        yield join_periods(connection, model, Path(folder), since_us)


def join_periods(
    connection: duckdb.DuckDBPyConnection, model: OnlineModel, folder: Path, since_us: int = 0
) -> JudgedPeriods:
    """Of `made.parquet` and `outcomes.parquet` in a folder, whose records are in the order of the log.

    Args:
        folder: also for what is joined; it has to stay while the periods are used.
    """
    for name in _SCHEMAS:
        view(connection, name, folder / f"{name}.parquet")
    path = folder / "periods.parquet"
    connection.execute(f"COPY ({periods_query(model, since_us)}) TO {literal(str(path))} (FORMAT parquet)")
    view(connection, "periods", path)
    return JudgedPeriods(connection, model)


def write_records(rows: Iterable[pa.RecordBatch], name: str, folder: Path) -> None:
    """Writes the columns that `join_periods` needs, of `made` or `outcomes`, into the folder."""
    schema = _SCHEMAS[name]
    with pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="lz4") as writer:
        for batch in rows:
            if batch.num_rows:
                writer.write_batch(batch.select(schema.names))


def _of_model(rows: Iterable[pa.RecordBatch], model: str) -> Iterator[pa.RecordBatch]:
    for batch in rows:
        yield batch.filter(pc.equal(batch.column(_MODEL), model))
