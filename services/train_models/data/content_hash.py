"""The hash of rows: of the names, types and values of their columns in order, and of nothing else."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from train_models.data.blocks import TEXT


class ContentHash:
    """Takes rows in any parts.

    Each column has a hash of its own of which values are there, of the values, and of the lengths of texts; the hash of
    all is made of them at the end. So it doesn't depend on who cut the rows how.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows = 0
        self._hashes = [tuple(hashlib.sha256() for _ in range(3)) for _ in schema]

    def add(self, rows: pa.Table) -> None:
        """The next rows, with the columns of the schema."""
        self._rows += rows.num_rows
        for column, hashes in zip(rows.columns, self._hashes, strict=True):
            for chunk in column.chunks:
                for part, digest in zip(_parts(chunk), hashes, strict=False):
                    digest.update(part)

    def hexdigest(self) -> str:
        """SHA-256 of all so far."""
        whole = hashlib.sha256(self._rows.to_bytes(8, "little"))
        for field, hashes in zip(self._schema, self._hashes, strict=True):
            name = f"{field.type} {field.name}".encode()
            whole.update(len(name).to_bytes(8, "little") + name)
            for digest in hashes:
                whole.update(digest.digest())
        return whole.hexdigest()


def _parts(column: pa.Array) -> Iterator[memoryview]:
    """Which values are there, the values, and the lengths of texts."""
    has_gaps = column.null_count > 0
    is_there = column.is_valid().to_numpy(zero_copy_only=False) if has_gaps else np.ones(len(column), np.bool_)
    yield is_there.view(np.uint8).data
    if pa.types.is_null(column.type):
        return
    if column.type == TEXT:
        filled = pc.fill_null(column, "") if has_gaps else column
        _, offsets, data = filled.buffers()
        # A slice's buffers hold its neighbours' texts too.
        bounds = np.frombuffer(offsets, "<i4", len(filled) + 1, filled.offset * 4)
        yield memoryview(data or b"")[bounds[0] : bounds[-1]]
        yield np.diff(bounds).data
        return
    plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    filled = pc.fill_null(plain, False if pa.types.is_boolean(plain.type) else 0) if has_gaps else plain
    values = np.ascontiguousarray(filled.to_numpy(zero_copy_only=False))
    yield values.astype(values.dtype.newbyteorder("<"), copy=False).view(np.uint8).data
