"""Ctrl-C and SIGTERM: the first asks for an end at the next checkpoint, the second ends the process at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Sets `stop` at the first signal, for the length of the block; the main thread enters it."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            # What is uncommitted is aborted by whoever comes next, as after a kill.
            os._exit(INTERRUPTED)
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
