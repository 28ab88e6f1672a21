"""The process that starts the readers, with the libraries loaded: a reader is a fork of 4 ms, no interpreter of 400.

It never touches a file's content. For each request on the control socket it forks one reader; it kills that reader when
the other end of the job's socket closes, and writes the reader's wait status there when it has ended.
"""

import contextlib
import gc
import os
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable

STATUS = struct.Struct("<i")
MAX_REQUEST = 8 << 20
Start = Callable[[bytes, int, int], None]
"""Runs in the reader: the request, the file's descriptor, the pipe's."""


class Nursery:
    def __init__(self, control: socket.socket, start: Start) -> None:
        self._control = control
        self._start = start
        self._waiting = selectors.DefaultSelector()

    def run(self) -> None:
        """Until the control socket closes; the readers that are left die with this process."""
        self._waiting.register(self._control, selectors.EVENT_READ, None)
        while True:
            for key, _ in self._waiting.select():
                if key.data is not None:
                    key.data()
                elif not self._take_request():
                    return

    def _take_request(self) -> bool:
        size, fds, _, _ = socket.recv_fds(self._control, 8, 3)
        if not size:
            return False
        request = self._control.recv(int.from_bytes(size, "little"), socket.MSG_WAITALL)
        file, pipe, job_fd = fds
        job = socket.socket(fileno=job_fd)
        pid = os.fork()
        if pid == 0:
            self._become_reader(request, file, pipe)
        os.close(file)
        os.close(pipe)
        self._watch(pid, job)
        return True

    def _become_reader(self, request: bytes, file: int, pipe: int) -> None:
        try:
            kept = sorted({0, 1, 2, file, pipe})
            for low, high in zip(kept, [*kept[1:], 65_536], strict=True):
                os.closerange(low + 1, high)
            self._start(request, file, pipe)
        except BaseException:
            os._exit(1)
        os._exit(0)

    def _watch(self, pid: int, job: socket.socket) -> None:
        ended = os.pidfd_open(pid)
        reader = _Reader(pid, ended, job, self._waiting)
        self._waiting.register(job, selectors.EVENT_READ, reader.kill)
        self._waiting.register(ended, selectors.EVENT_READ, reader.reap)


class _Reader:
    """A child that is not yet waited for, so that its process id is its own."""

    def __init__(self, pid: int, ended: int, job: socket.socket, waiting: selectors.BaseSelector) -> None:
        self._pid = pid
        self._ended = ended
        self._job = job
        self._waiting = waiting
        self._watches_job = True
        self._lives = True

    def kill(self) -> None:
        # Both may be ready at once, and the end may have been seen first.
        if self._lives:
            self._forget_job()
            os.kill(self._pid, signal.SIGKILL)

    def reap(self) -> None:
        self._lives = False
        _, status = os.waitpid(self._pid, 0)
        self._waiting.unregister(self._ended)
        os.close(self._ended)
        self._forget_job()
        with contextlib.suppress(OSError):  # nobody may wait for it any more
            self._job.send(STATUS.pack(status), socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
        self._job.close()

    def _forget_job(self) -> None:
        if self._watches_job:
            self._waiting.unregister(self._job)
            self._watches_job = False


def main() -> None:
    from ingest_sources.readers.reader import read_and_send

    # A reader makes no cycles worth collecting, and to look for them would copy this process' pages into it.
    gc.disable()
    Nursery(socket.socket(fileno=int(sys.argv[1])), read_and_send).run()


if __name__ == "__main__":
    main()
