"""Steps that block, on a thread of their own: the caller is free meanwhile, and a step that hangs is ended."""

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from headrace.errors import TransientError

T = TypeVar("T")
_MOMENT_S = 0.2
_END_S = 5.0
_END: Any = object()


class OnThread:
    """One thread; the step after the one that is taken is done already.

    Args:
        interrupt: makes a step that blocks fail.
        name: of what a step waits for, as a message has it.
    """

    def __init__(self, interrupt: Callable[[], None], name: str = "the database") -> None:
        self._interrupt = interrupt
        self._name = name
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._step: Future[Any] | None = None
        self._work: Iterator[Any] | None = None

    def steps(self, work: Iterator[T | None], limit_s: float) -> Iterator[T | None]:
        """What `work` gives, and None at least every 0.2 s.

        Args:
            limit_s: of each step.

        Raises:
            TransientError: a step took longer; and what `work` raises.
        """
        self._work = work
        self._submit(work)
        begun = time.monotonic()
        while self._step is not None:
            wait([self._step], _MOMENT_S)
            if not self._step.done():
                if time.monotonic() - begun > limit_s:
                    self._interrupt()
                    raise TransientError(f"{self._name} did not answer for {limit_s:.0f} s")
                yield None
                continue
            item = self._step.result()
            self._step = None
            if item is not _END:
                self._submit(work)
                begun = time.monotonic()
                yield item

    def close(self) -> None:
        """Ends the step that is under way; never raises."""
        if self._step is not None and not self._step.done():
            self._interrupt()
            wait([self._step], _END_S)
        if isinstance(self._work, Generator):
            # What it has open is closed by the thread that opened it.
            wait([self._executor.submit(self._work.close)], _END_S)
        self._step = self._work = None
        self._executor.shutdown(wait=False)

    def _submit(self, work: Iterator[T | None]) -> None:
        self._step = self._executor.submit(next, work, _END)
