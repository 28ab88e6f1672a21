"""What is read at the start is walked by no later collection."""

import asyncio
import gc

import pytest

from serve_api import settled_memory

_SOME = 200


def test_what_is_read_is_set_apart_once_all_of_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settled_memory, "_LOOK_S", 0.0)
    read: list[list[int]] = []
    apart = []

    def has_read() -> bool:
        apart.append(gc.get_freeze_count())
        read.extend([number] for number in range(500))
        return len(apart) == 3

    asyncio.run(settled_memory.settle_memory(has_read))
    # Some of what was set apart is let go meanwhile.
    assert apart[2] <= apart[0] + _SOME, "not while it is being read"
    assert gc.get_freeze_count() >= apart[0] + len(read) - _SOME
