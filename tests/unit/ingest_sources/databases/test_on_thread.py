"""Steps that block leave their caller free, and end when they take too long or nobody wants them any more."""

import socket
import threading
from collections.abc import Iterator

import pytest

from headrace.errors import TransientError
from ingest_sources.databases.on_thread import OnThread


class Line:
    """A peer that never answers."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.is_closed = threading.Event()

    def interrupt(self) -> None:
        self._ours.shutdown(socket.SHUT_RDWR)

    def work(self) -> Iterator[int | None]:
        try:
            yield 1
            yield None
            self._ours.recv(1)
            yield 2
        finally:
            self._ours.close()
            self._theirs.close()
            self.is_closed.set()


def test_caller_is_free_while_a_step_blocks_and_close_ends_it() -> None:
    line = Line()
    thread = OnThread(line.interrupt)
    steps = thread.steps(line.work(), limit_s=60)
    assert [next(steps) for _ in range(4)] == [1, None, None, None]
    thread.close()
    assert line.is_closed.is_set()


def test_step_that_takes_too_long_is_an_error_that_passes() -> None:
    line = Line()
    thread = OnThread(line.interrupt)
    with pytest.raises(TransientError, match="did not answer for 0 s"):
        list(thread.steps(line.work(), limit_s=0.3))
    thread.close()
    assert line.is_closed.is_set()


def test_errors_of_the_work_are_those_of_the_caller() -> None:
    def work() -> Iterator[int | None]:
        yield 1
        raise KeyError("x")

    thread = OnThread(lambda: None)
    steps = thread.steps(work(), 60)
    assert next(steps) == 1
    with pytest.raises(KeyError):
        list(steps)
    thread.close()
