"""Frozen rows: `snapshots/SHA-256/rows.parquet`, named by what they are, with `snapshot.json` that tells where from."""

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from headrace.clock import Clock, SystemClock
from headrace.errors import ConfigurationError
from train_models.data.blocks import BLOCK_ROWS, in_blocks, normalised
from train_models.data.content_hash import ContentHash

ROWS_FILE, ABOUT_FILE = "rows.parquet", "snapshot.json"
SNAPSHOTS, MAKING = "snapshots", ".making-"
"""The folder of all, and how the names of unfinished ones begin."""
_SHA256 = re.compile("[0-9a-f]{64}")
OnRows = Callable[[int], None]
"""Is told how many rows are there so far."""
_logger = logging.getLogger(__name__)


class Undecodable(msgspec.Struct, frozen=True, omit_defaults=True):
    """Records that could not be read: how many, and the first of them as `partition/offset: why`."""

    count: int = 0
    first: tuple[str, ...] = ()


class About(msgspec.Struct, omit_defaults=True):
    """What is known of the rows besides themselves.

    Attributes:
        source: as the model file has it, without secrets.
        ranges: topic → partition → first offset and the one after the last.
        left_out: why → how many rows, records or cuts.
        parents: hashes of the snapshots that these rows were made from.
    """

    source: dict[str, Any] = {}
    ranges: dict[str, dict[str, tuple[int, int]]] = {}
    undecodable: Undecodable = Undecodable()
    left_out: dict[str, int] = {}
    parents: tuple[str, ...] = ()


class _SnapshotFile(msgspec.Struct):
    sha256: str
    rows: int
    columns: dict[str, str]
    made: int
    about: About


class Snapshot:
    """Frozen rows.

    Attributes:
        columns: name → type, in order.
        made: microseconds UTC, of the first time.
    """

    def __init__(self, folder: Path, content: _SnapshotFile) -> None:
        self.folder = folder
        self.sha256, self.rows, self.columns = content.sha256, content.rows, content.columns
        self.made, self.about = content.made, content.about

    @property
    def path(self) -> Path:
        """The Parquet file."""
        return self.folder / ROWS_FILE

    def batches(self, columns: Iterable[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, block by block.

        Raises:
            ConfigurationError: a column is not there.
        """
        chosen = None if columns is None else self._there(columns)
        # Read ahead, all of the file would stay in memory until the last block.
        with pq.ParquetFile(self.path, pre_buffer=False) as file:
            yield from file.iter_batches(BLOCK_ROWS, columns=chosen, use_threads=False)

    def table(self, columns: Iterable[str]) -> pa.Table:
        """Some columns of all rows.

        Raises:
            ConfigurationError: one is not there.
        """
        chosen = self._there(columns)
        return pq.read_table(self.path, columns=chosen, use_threads=False).select(chosen)

    def _there(self, columns: Iterable[str]) -> list[str]:
        """Each once."""
        chosen = list(dict.fromkeys(columns))
        if missing := [name for name in chosen if name not in self.columns]:
            raise ConfigurationError(
                f"the data have no column {', '.join(map(repr, missing))}; there are {', '.join(self.columns)}"
            )
        return chosen


def write_snapshot(
    batches: Iterable[pa.RecordBatch],
    about: Callable[[], About],
    folder: Path,
    on_rows: OnRows | None = None,
    clock: Clock | None = None,
) -> Snapshot:
    """Freezes rows in bounded memory; the same rows give the same snapshot, of which there is one.

    What it says of where they come from is of the newest time. One that is there already is read and compared with its
    hash, and replaced where it was changed or is incomplete. When this returns, the rows are on the disk.

    Args:
        about: asked after the last row.
        folder: that of the data; snapshots are in its folder `snapshots`.

    Raises:
        ConfigurationError: there is no row, or a column has no usable type. Nothing is left behind.
    """
    snapshots = folder / SNAPSHOTS
    snapshots.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix=MAKING, dir=snapshots))
    try:
        schema, rows, sha256 = _write_rows(temporary / ROWS_FILE, batches, on_rows)
        columns = {field.name: str(field.type) for field in schema}
        made = (clock or SystemClock()).now_us()
        content = _SnapshotFile(sha256, rows, columns, made, about())
        _write_about(temporary, content)
        _sync(temporary / ROWS_FILE, temporary)
        known = _put(temporary, sha256, folder)
        if known is not None:
            _tell_again(temporary, known, content)
        return load_snapshot(sha256, folder, verify=False)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_snapshot(sha256: str, folder: Path, verify: bool = True) -> Snapshot:
    """A snapshot by its hash.

    Args:
        verify: reads all rows and compares their hash.

    Raises:
        ConfigurationError: there is none, it can't be read, or its rows are others than those that were frozen.
    """
    if not _SHA256.fullmatch(sha256):
        raise ConfigurationError(f"{sha256!r} is no hash of a snapshot: 64 digits 0-9a-f")
    place = folder / SNAPSHOTS / sha256
    try:
        content = msgspec.json.decode((place / ABOUT_FILE).read_bytes(), type=_SnapshotFile)
        snapshot = Snapshot(place, content)
        found = _hash_of(snapshot) if verify else sha256
    except (OSError, msgspec.MsgspecError, pa.ArrowException) as error:
        raise ConfigurationError(f"snapshot {sha256} can't be read: {error}; train again from the source") from error
    if found != sha256 or content.sha256 != sha256:
        raise ConfigurationError(
            f"snapshot {sha256} holds other rows than those that were frozen (they hash to {found}): it was changed; "
            f"delete {place} and train again from the source"
        )
    return snapshot


def _write_rows(path: Path, batches: Iterable[pa.RecordBatch], on_rows: OnRows | None) -> tuple[pa.Schema, int, str]:
    rows = 0
    writer = content = None
    try:
        for block in in_blocks(map(normalised, batches)):
            if writer is None or content is None:
                content = ContentHash(block.schema)
                writer = pq.ParquetWriter(path, block.schema, compression="zstd", compression_level=1)
            content.add(block)
            writer.write_table(block, row_group_size=BLOCK_ROWS)
            rows += block.num_rows
            if on_rows:
                on_rows(rows)
    finally:
        if writer is not None:
            writer.close()
    if writer is None or content is None:
        raise ConfigurationError("the source gave no rows: look at its range, its query or its path")
    return writer.schema, rows, content.hexdigest()


def _put(temporary: Path, sha256: str, folder: Path) -> Snapshot | None:
    """Gives a finished snapshot its name, or returns the one that has it and holds the same rows."""
    place = folder / SNAPSHOTS / sha256
    if place.exists():
        try:
            return load_snapshot(sha256, folder)
        except ConfigurationError as error:
            _logger.warning("a snapshot is replaced by the rows as they were read now", extra={"reason": str(error)})
            _remove(place)
    try:
        temporary.rename(place)
    except OSError:
        # Another process froze the same rows meanwhile.
        return load_snapshot(sha256, folder)
    _sync(place.parent)
    return None


def _remove(place: Path) -> None:
    """Takes the name away at once, so that nobody sees a half of it."""
    aside = Path(mkdtemp(prefix=MAKING, dir=place.parent))
    place.rename(aside / place.name)
    shutil.rmtree(aside)


def _tell_again(scratch: Path, known: Snapshot, content: _SnapshotFile) -> None:
    """Says of rows that are frozen already where they come from this time; ranges of other topics stay."""
    about = msgspec.structs.replace(content.about, ranges={**known.about.ranges, **content.about.ranges})
    if about == known.about:
        return
    _write_about(scratch, msgspec.structs.replace(content, made=known.made, about=about))
    (scratch / ABOUT_FILE).replace(known.folder / ABOUT_FILE)
    _sync(known.folder)


def _write_about(folder: Path, content: _SnapshotFile) -> None:
    text = msgspec.json.format(msgspec.json.encode(content), indent=2)
    (folder / ABOUT_FILE).write_bytes(text + b"\n")
    _sync(folder / ABOUT_FILE)


def _sync(*paths: Path) -> None:
    """Waits until files, or the names in folders, are on the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _hash_of(snapshot: Snapshot) -> str:
    content = None
    for batch in map(normalised, snapshot.batches()):
        content = content or ContentHash(batch.schema)
        content.add(pa.Table.from_batches([batch]))
    return content.hexdigest() if content else ""
