"""Cells of a task in RocksDB, for state of more keys than memory holds.

They copy what the changelog says and are as passing as memory: nothing is synced, and after a crash they are read from
the changelog again. `rocksdict` comes with the extra `disk_state`.
"""

import fcntl
import shutil
import tempfile
import weakref
from collections.abc import ItemsView, Iterator, MutableMapping
from pathlib import Path
from typing import IO

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

_PENDING = 10_000
"""Changes that wait in memory for one write."""
_LOCK = "lock"


class DiskCells(MutableMapping[bytes, bytes]):
    """A mapping of bytes in a new folder of its own under `folder`, which goes with the object.

    Iteration is in the order of the keys' bytes. What a killed process left under `folder` is deleted by the next one
    that makes cells there.

    Args:
        memory_bytes: of RocksDB's caches and buffers for this one mapping; filters and indexes, about two bytes a key,
            come on top.
    """

    def __init__(self, folder: Path, memory_bytes: int = 64 << 20) -> None:
        self.path, lock = _own_folder(folder)
        self._db = Rdict(str(self.path / "rocks"), _options(memory_bytes))
        self._write_options = WriteOptions()
        self._write_options.disable_wal = True  # type: ignore[method-assign,assignment] # a property, not as typed
        self._pending: dict[bytes, bytes | None] = {}
        self._count: int | None = 0
        self.close = weakref.finalize(self, _delete, self._db, lock, self.path)
        """Deletes everything; called when nobody has the object any more."""

    def __getitem__(self, key: bytes) -> bytes:
        found: bytes | None = self._pending[key] if key in self._pending else self._db.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: bytes, content: bytes) -> None:
        self._change(key, content)

    def __delitem__(self, key: bytes) -> None:
        if key not in self:
            raise KeyError(key)
        self._change(key, None)

    def __iter__(self) -> Iterator[bytes]:
        return (key for key, _ in self.items())

    def items(self) -> ItemsView[bytes, bytes]:
        self._write()
        return _Items(self, self._db)

    def __len__(self) -> int:
        """Counts the keys, unless nothing changed since; a look for each one at its write would cost far more."""
        self._write()
        if self._count is None:
            self._count = sum(1 for _ in self)
        return self._count

    def _change(self, key: bytes, content: bytes | None) -> None:
        self._pending[key] = content
        if len(self._pending) >= _PENDING:
            self._write()

    def _write(self) -> None:
        changes, self._pending = self._pending, {}
        if not changes:
            return
        batch = WriteBatch(raw_mode=True)
        for key, content in changes.items():
            if content is None:
                batch.delete(key)
            else:
                batch.put(key, content)
        self._db.write(batch, self._write_options)
        self._count = None


class _Items(ItemsView[bytes, bytes]):
    """One pass over the database, where the inherited one asks for each key."""

    def __init__(self, cells: DiskCells, db: Rdict) -> None:
        super().__init__(cells)
        self._db = db

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        yield from self._db.items()


def _options(memory_bytes: int) -> Options:
    """Half of the memory for blocks, half for what is not on disk yet.

    Filters and indexes stay in memory: one of a large file is larger than a shard of the cache, which would then read
    it again for every key (30 times the CPU, measured with three million keys).
    """
    blocks = BlockBasedOptions()
    blocks.set_block_cache(Cache(memory_bytes // 2))
    blocks.set_cache_index_and_filter_blocks(False)
    blocks.set_bloom_filter(10, False)
    options = Options(raw_mode=True)
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_size(memory_bytes // 4)
    options.set_max_write_buffer_number(2)
    return options


def _own_folder(parent: Path) -> tuple[Path, IO[str]]:
    """A new folder and its lock, which the kernel lets go of when this process ends, however it does."""
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / _LOCK).open("a") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        _delete_abandoned(parent)
        path = Path(tempfile.mkdtemp(prefix="cells-", dir=parent))
        lock = (path / _LOCK).open("a")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return path, lock


def _delete_abandoned(parent: Path) -> None:
    for path in parent.glob("cells-*"):
        try:
            with (path / _LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError):
            # Its owner lives, or is deleting it.
            continue


def _delete(db: Rdict, lock: IO[str], path: Path) -> None:
    db.close()
    shutil.rmtree(path, ignore_errors=True)
    lock.close()
