"""Rows whose columns and types are known only at their end, kept on disk until then."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headrace.errors import ConfigurationError
from train_models.data.blocks import BOOLEAN, INTEGER, NOTHING, NUMBER, normalised

Columns = dict[str, pa.DataType]
SPOOL = "spool-"
"""How the names of folders of such rows begin."""


@contextmanager
def spooled(batches: Iterable[pa.RecordBatch], folder: Path) -> Iterator[Iterator[pa.RecordBatch]]:
    """The same rows, each batch with all columns, in types that hold the values of all batches.

    Integers beside numbers become numbers; a column without any value stays so.

    Raises:
        ConfigurationError: a column holds values of which no type holds all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=SPOOL, dir=folder) as temporary:
        paths: list[Path] = []
        columns: Columns = {}
        for batch in batches:
            batch = normalised(batch)
            _widen(columns, batch.schema)
            paths.append(Path(temporary) / str(len(paths)))
            with pa.OSFile(str(paths[-1]), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
                writer.write_batch(batch)
        yield (_widened(path, columns) for path in paths)


def _widen(columns: Columns, schema: pa.Schema) -> None:
    for field in schema:
        known = columns.get(field.name, NOTHING)
        if known == field.type or field.type == NOTHING:
            columns.setdefault(field.name, known)
        elif known == NOTHING:
            columns[field.name] = field.type
        elif {known, field.type} == {INTEGER, NUMBER}:
            columns[field.name] = NUMBER
        else:
            raise ConfigurationError(
                f"column {field.name!r} holds {known} in some rows and {field.type} in others: make it one type"
                f"{' (true and false are no numbers)' if BOOLEAN in (known, field.type) else ''}, or leave it out"
            )


def _widened(path: Path, columns: Columns) -> pa.RecordBatch:
    with pa.OSFile(str(path), "rb") as file:
        batch = pa.ipc.open_file(file).get_batch(0)
    path.unlink()
    found = [
        pc.cast(batch.column(name), kind) if name in batch.schema.names else pa.nulls(batch.num_rows, kind)
        for name, kind in columns.items()
    ]
    return pa.RecordBatch.from_arrays(found, names=list(columns))
