"""What was freed goes back to the system, and a topic's rows see to it after each partition."""

from __future__ import annotations

import ctypes
import platform
import re
import weakref
from pathlib import Path
from typing import Any

import pytest

from train_models.data import freed_memory
from train_models.data.freed_memory import give_back_freed
from train_models.data.sources import topic_rows

PIECES, PIECE = 2_000, 100_000
"""Each less than what glibc gives pages of its own."""


def resident_mb() -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is glibc's")
def test_freed_memory_goes_back_although_some_above_it_is_in_use() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    pieces = [libc.malloc(PIECE) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE)
    for piece in pieces[:-1]:
        libc.free(piece)
    kept = resident_mb()

    give_back_freed()

    given_back = kept - resident_mb()
    libc.free(pieces[-1])
    assert given_back > 0.7 * PIECES * PIECE / 1e6


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freed_memory, "_trim", lambda: None)

    give_back_freed()


def test_each_partition_gives_back_what_its_client_held_when_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[weakref.ref[Client]] = []
    alive: list[list[bool]] = []

    class Client:
        """Gives one record, and holds what it fetched until nothing refers to it."""

        def __init__(self, *_: Any) -> None:
            clients.append(weakref.ref(self))
            self.is_done = False

        def start(self, first: int, end: int) -> None:
            pass

        def read(self, most: int) -> list[str]:
            self.is_done = True
            return ["record"]

        def close(self) -> None:
            pass

    monkeypatch.setattr(topic_rows, "RangeReader", Client)
    monkeypatch.setattr(topic_rows, "give_back_freed", lambda: alive.append([one() is not None for one in clients]))

    found = [len(list(topic_rows.read_range("-", "t", partition, 0, 1))) for partition in range(2)]

    assert found == [1, 1]
    assert alive == [[False], [False, False]]
