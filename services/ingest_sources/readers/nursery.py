"""The service's side of the process that starts the readers."""

import atexit
import contextlib
import fcntl
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from ingest_sources.readers.nursery_process import STATUS
from ingest_sources.readers.refusal import ReaderLost

PIPE_BYTES = 1 << 20
"""What a reader may be ahead: Linux' largest pipe without privileges."""
_END_SECONDS = 10.0
# One thread of OpenBLAS (which numpy starts at import) and one arena are enough; the system's allocator gives memory
# back and counts what it takes, mimalloc reserves 1 GB at once.
_READER_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Job:
    """One reader: `pipe` gives its frames. To be closed, which kills it when it still runs."""

    def __init__(self, pipe: int, status: socket.socket) -> None:
        self.pipe = pipe
        self._status = status

    def end(self) -> int | None:
        """Waits for the reader's end. Gives minus the signal's number, or the exit code; None if that stays unknown."""
        self._status.settimeout(_END_SECONDS)
        try:
            packed = self._status.recv(STATUS.size, socket.MSG_WAITALL)
        except OSError:
            return None
        return os.waitstatus_to_exitcode(*STATUS.unpack(packed)) if len(packed) == STATUS.size else None

    def close(self) -> None:
        os.close(self.pipe)
        self._status.close()


class Nursery:
    """Starts readers; its process is started with the first one, and again when it was lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, request: bytes, file: int) -> Job:
        """Starts a reader of `file`, which the caller may close afterwards.

        Raises:
            ReaderLost: the process is gone, and so was one that was started in its place.
        """
        with self._lock:
            for _ in range(2):
                try:
                    return self._start(request, file)
                except (BrokenPipeError, ConnectionError):
                    self._close()
        raise ReaderLost("the process that starts the readers ends at once")

    def close(self) -> None:
        """Ends the process and with it all readers."""
        with self._lock:
            self._close()

    def _start(self, request: bytes, file: int) -> Job:
        control = self._running()
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        job = Job(read_end, ours)
        try:
            size = len(request).to_bytes(8, "little")
            socket.send_fds(control, [size], [file, write_end, theirs.fileno()], socket.MSG_NOSIGNAL)
            control.sendall(request)
        except OSError:
            job.close()
            raise
        finally:
            theirs.close()
            os.close(write_end)
        _widen(read_end)
        return job

    def _running(self) -> socket.socket:
        if self._control is None or self._process is None or self._process.poll() is not None:
            self._close()
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = _start_process(theirs)
        return self._control

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGKILL)
                self._process.wait()
            self._process = None


@functools.cache
def shared_nursery() -> Nursery:
    """The one of this process."""
    nursery = Nursery()
    atexit.register(nursery.close)
    return nursery


def _start_process(control: socket.socket) -> "subprocess.Popen[bytes]":
    services = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [services, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "ingest_sources.readers.nursery_process", str(control.fileno())],
        pass_fds=[control.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_READER_ENVIRONMENT, "PYTHONPATH": path},
        # The terminal's Ctrl-C is for the service, which ends its readers itself.
        start_new_session=True,
    )


def _widen(pipe: int) -> None:
    with contextlib.suppress(OSError):  # the user's share of pipe memory is spent: the usual 64 kB do as well
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
