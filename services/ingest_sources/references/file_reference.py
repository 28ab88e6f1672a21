"""Reference data in a file, read in a process of its own, and again when the file has changed."""

import os
from pathlib import Path

import polars as pl

from headrace.errors import TransientError
from ingest_sources.readers.models import Limits
from ingest_sources.readers.read_file import read_rows
from ingest_sources.readers.refusal import FileRefused
from ingest_sources.references.size import check_size, wrong
from ingest_sources.rows import ROW, BadRow
from ingest_sources.rules.lookup_model import FileReference

_TRIES = 3
_State = tuple[str, int, int, int, int]
"""Which file it is and when it was written."""


class ReferenceFile:
    """Some columns of a file.

    Args:
        folder: where it is, unless its name is absolute.
    """

    def __init__(self, reference: FileReference, folder: Path, columns: tuple[str, ...]) -> None:
        self._reference = reference
        self._path = folder / reference.file
        self._columns = columns
        self._state: _State | None = None
        self._table = pl.DataFrame()

    def table(self) -> pl.DataFrame:
        """As the file is now.

        Raises:
            ReferenceWrong: it can't be read, or a row of it.
            TransientError: it changes all the time.
        """
        for _ in range(_TRIES):
            state = self._now()
            if state == self._state:
                return self._table
            table = self._read(Path(state[0]))
            if self._now() == state:
                self._table, self._state = table, state
        if self._state is not None and self._now() == self._state:
            return self._table
        raise TransientError(
            f"{self._path} is changed while it is read: write it elsewhere and rename it into its place"
        )

    def close(self) -> None:
        """Nothing stays open."""

    def _now(self) -> _State:
        try:
            # A mounted configuration is a link to the folder that is current.
            path = os.path.realpath(self._path, strict=True)
            found = os.stat(path)
        except OSError as error:
            raise wrong(f"{self._path} can't be read: {error.strerror}") from error
        return path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self, path: Path) -> pl.DataFrame:
        found: list[pl.DataFrame] = []
        rows = size = 0
        try:
            for part in read_rows(path, self._path.name, self._reference.read, Limits()):
                if part.bad:
                    raise _bad(self._path, part.bad[0])
                found.append(self._wanted(part.table))
                rows, size = rows + part.table.height, size + int(found[-1].estimated_size())
                check_size(self._reference.title, rows, self._reference.max_rows, size)
        except FileRefused as error:
            raise wrong(f"{self._path} can't be read: {error.detail}") from error
        except OSError as error:
            raise wrong(f"{self._path} can't be read: {error.strerror}") from error
        # An optional field of NDJSON may be in no row of a part, or have another type in it.
        return pl.concat(found, how="diagonal_relaxed").rechunk() if found else pl.DataFrame()

    def _wanted(self, table: pl.DataFrame) -> pl.DataFrame:
        names = [name for name in self._columns if name in table.columns]
        # All names where one is missing, so that the message can say them.
        return table.select(names) if len(names) == len(self._columns) else table.drop(ROW)


def _bad(path: Path, row: BadRow) -> Exception:
    return wrong(f"row {row.number} of {path} can't be read: {row.detail}")
