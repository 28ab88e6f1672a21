"""Where a worker's time goes: samples of what its threads do, taken by a thread of the worker itself.

A thread that isn't waiting counts for the first entry of `PARTS` whose code is met from its innermost frame outwards.
Code that holds the interpreter for long, as numpy and the JSON decoder do, is sampled less often than it runs.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from pathlib import PurePath
from types import FrameType

EVERY_S = 0.002
PARTS = {
    "decode JSON": ("engine_decode.py",),
    "mean, variance, outliers": ("engine_moments.py",),
    "windows": ("tumbling.py", "event_windows.py", "newest_windows.py", "passed_windows.py", "aggregates.py"),
    "keys, watermarks, cells": ("columns.py", "by_key.py", "watermarks.py"),
    "encode outputs": ("standard_job.py", "windows.py"),
    "produce and commit": ("transaction.py", "task.py", "checkpoint.py", "runner.py"),
    "fetch and parse": ("fetcher.py", "conn.py", "consumer.py", "faust_batches.py"),
}
OTHER = "Faust, asyncio and others"
_PART_OF = {name: part for part, names in PARTS.items() for name in names}
_WAITING = frozenset({"select", "wait", "_worker", "_call", "_sample", "join"})
"""Functions in which a thread waits; `_call` is where an executor's thread waits for a commit."""


class Sampler:
    """Samples the threads of this process until it ends."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._samples = self._idle = 0
        self._main = threading.main_thread().ident
        threading.Thread(target=self._sample, daemon=True).start()

    def shares(self) -> dict[str, float]:
        """Shares of the samples that were no waiting, and that of the main thread's samples that were."""
        total = max(1, self._found.total())
        shares = {part: count / total for part, count in self._found.most_common()}
        return {**shares, "main thread idle": self._idle / max(1, self._samples)}

    def reset(self) -> None:
        """Forgets what was sampled so far."""
        self._found.clear()
        self._samples = self._idle = 0

    def _sample(self) -> None:
        while True:
            time.sleep(EVERY_S)
            self._samples += 1
            for thread, frame in sys._current_frames().items():
                if frame.f_code.co_name not in _WAITING:
                    self._found[_part_of(frame)] += 1
                elif thread == self._main:
                    self._idle += 1


def _part_of(frame: FrameType | None) -> str:
    while frame is not None:
        part = _PART_OF.get(PurePath(frame.f_code.co_filename).name)
        if part is not None:
            return part
        frame = frame.f_back
    return OTHER
