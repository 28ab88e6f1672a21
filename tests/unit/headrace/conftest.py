"""Where the cells of the counting rules are, and a Faust app that is not started, for the tests of what is around."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headrace.streams.disk_cells import DiskCells
from headrace.streams.faust_batches import BatchApp
from headrace.streams.turns import Turns
from tests.unit.headrace import counting
from tests.unit.headrace.asking_engine import Engine


@pytest.fixture(params=["memory", "disk"])
def cells(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test twice: with cells in memory and on disk."""
    if request.param == "disk":
        monkeypatch.setattr(counting, "new_cells", partial(DiskCells, tmp_path, 1 << 20))


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Faust takes the thread's event loop."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def app(loop: asyncio.AbstractEventLoop, engine: Engine) -> Iterator[BatchApp]:
    """An app that is not started."""
    app: Any = BatchApp(
        "test",
        "127.0.0.1:1",
        lambda: engine.wanted,
        lambda: engine.committed,
        engine.note_truncated,
        engine.drain,
        Turns(lambda topic: topic),
        store="memory://",
        web_enabled=False,
        consumer_auto_offset_reset="none",
    )
    yield app
    app.consumer._thread.thread_loop.close()
