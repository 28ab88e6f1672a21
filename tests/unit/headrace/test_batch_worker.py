"""How a worker ends that is to be built again in the same process."""

import asyncio
from typing import Any

from headrace.streams.faust_batches import BatchApp, BatchWorker


def test_a_worker_that_is_ended_from_within_hears_a_signal_that_comes_meanwhile(
    app: BatchApp, loop: asyncio.AbstractEventLoop
) -> None:
    worker: Any = BatchWorker(app)
    assert not worker.is_over_by_itself
    worker.end()
    assert worker.is_over_by_itself
    worker._on_sigterm()
    assert not worker.is_over_by_itself
    # A signal's way ends with this, which `execute_from_commandline` waits for.
    loop.run_until_complete(worker._signal_stop_future)
    assert worker._stopped.is_set()
