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
        memory_bytes: of RocksDB's caches and buffers for this one mapping.
    """

    def __init__(self, folder: Path, memory_bytes: int = 64 << 20) -> None:
        self.path, lock = _own_folder(folder)
        self._db = Rdict(str(self.path / "rocks"), _options(memory_bytes))
        self._write_options = WriteOptions()
        self._write_options.disable_wal = True  # type: ignore[method-assign,assignment] # a property, not as typed
        self._pending: dict[bytes, bytes | None] = {}
        self._count = 0
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
        self._write()
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
        held_before: list[bytes | None] = self._db.get(list(changes)) or []
        for (key, content), held in zip(changes.items(), held_before, strict=True):
            self._count += (content is not None) - (held is not None)
            if content is None:
                batch.delete(key)
            else:
                batch.put(key, content)
        self._db.write(batch, self._write_options)


class _Items(ItemsView[bytes, bytes]):
    """One pass over the database, where the inherited one asks for each key."""

    def __init__(self, cells: DiskCells, db: Rdict) -> None:
        super().__init__(cells)
        self._db = db

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        yield from self._db.items()


def _options(memory_bytes: int) -> Options:
    """Half of the memory for blocks, indexes and filters, half for what is not on disk yet."""
    blocks = BlockBasedOptions()
    blocks.set_block_cache(Cache(memory_bytes // 2))
    blocks.set_cache_index_and_filter_blocks(True)
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
