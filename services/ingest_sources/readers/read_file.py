"""Reads one file in a process of its own, so that a hostile file costs that file alone."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.errors import Reason
from ingest_sources.readers.messages import FRAME, Alive, Done, Facts, Message, PartSent, Refused, Request
from ingest_sources.readers.models import Limits, ReadOptions
from ingest_sources.readers.nursery import Job, Nursery, shared_nursery
from ingest_sources.readers.open_file import check_regular, open_regular
from ingest_sources.readers.refusal import FileRefused, ReaderLost, too_large, unreadable
from ingest_sources.rows import ROW, BadRow, Rows

_decode = msgspec.msgpack.Decoder(Message).decode
Told = Callable[[Facts | Done], None]


def read_rows(
    source: int | Path,
    name: str,
    options: ReadOptions,
    limits: Limits,
    after_row: int = 0,
    *,
    told: Told = lambda _: None,
    nursery: Nursery | None = None,
) -> Generator[Rows, None, None]:
    """Gives the file's rows in their order, with the numbers that they have in it whatever `after_row` is.

    Closing the generator kills the reading process. The time in which the caller holds the generator counts against
    no limit, and the reader waits meanwhile.

    Args:
        source: a path, or the descriptor of a file, which stays open and whose position is neither used nor moved.
        name: by whose end the format is found; the path may have another one.
        after_row: rows up to this number are not given.
        told: is called once with how the file is read, and at its end with what that took.

    Raises:
        FileRefused: it can't be read, or not to its end. What was given stays valid.
        ReaderLost: the process was ended by somebody else: go on with `after_row`.
        FileNotFoundError: the path is gone.
    """
    request = Request(name, options.model_dump(mode="json"), limits.model_dump(mode="json"), after_row)
    with _opened(source) as file:
        job = (nursery or shared_nursery()).start(msgspec.msgpack.encode(request), file)
    with contextlib.closing(job):
        frames = _Frames(job, limits)
        while True:
            message, body = frames.next()
            match message:
                case PartSent():
                    yield _rows(message, body)
                case Refused():
                    raise FileRefused(_reason(message.reason), message.detail)
                case Facts():
                    told(message)
                case Done():
                    told(message)
                    return


@contextlib.contextmanager
def _opened(source: int | Path) -> Iterator[int]:
    if isinstance(source, int):
        check_regular(source)
        yield source
        return
    file = open_regular(source)
    try:
        yield file
    finally:
        os.close(file)


def _reason(text: str) -> Reason:
    # The reader may be in a hostile file's hand, so what it says is checked.
    return Reason(text) if text in set(Reason) else Reason.UNEXPECTED_SHAPE


def _rows(part: PartSent, body: memoryview) -> Rows:
    try:
        table = pa.ipc.open_stream(pa.py_buffer(body)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(f"the reading process gave a broken table: {error}") from error
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame) or frame.schema.get(ROW) != pl.Int64:
        raise unreadable("the reading process gave a table without row numbers")
    bad = tuple(BadRow(row.number, _reason(row.reason), row.detail, row.original) for row in part.bad)
    return Rows(frame, bad, part.end)


class _Frames:
    """The frames of a reader, within the limits of time and size."""

    def __init__(self, job: Job, limits: Limits) -> None:
        self._job = job
        self._limits = limits
        self._left = limits.seconds if limits.seconds is not None else float("inf")
        self._poll = select.poll()
        self._poll.register(job.pipe, select.POLLIN)

    def next(self) -> tuple[Message, memoryview]:
        """The next frame that is more than a sign of life."""
        while True:
            header_bytes, body_bytes = FRAME.unpack(self._take(FRAME.size))
            if header_bytes + body_bytes > self._limits.memory_mb << 20:
                raise too_large(f"the reading process announces {header_bytes + body_bytes} bytes at once")
            try:
                message: Message = _decode(self._take(header_bytes))
            except msgspec.MsgspecError as error:
                raise unreadable(f"the reading process gave a broken message: {error}") from error
            body = self._take(body_bytes)
            if not isinstance(message, Alive):
                return message, body

    def _take(self, size: int) -> memoryview:
        taken = memoryview(bytearray(size))
        done = 0
        while done < size:
            self._wait()
            count = os.readv(self._job.pipe, [taken[done:]])
            if not count:
                raise self._ended()
            done += count
        return taken

    def _wait(self) -> None:
        patience = min(self._left, self._limits.stall_seconds)
        start = time.monotonic()
        ready = self._poll.poll(max(patience, 0) * 1000)
        self._left -= time.monotonic() - start
        if not ready:
            whole = self._limits.seconds is not None and self._left <= 0
            limit = f"limits.seconds, {self._limits.seconds:g}" if whole else f"limits.stall_seconds, {patience:g}"
            raise too_large(f"reading takes longer than {limit}")

    def _ended(self) -> Exception:
        code = self._job.end()
        if code is None:
            return ReaderLost("the process that starts the readers was ended")
        what = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return unreadable(
            f"the reading process {what}: the file is damaged or hostile, or needs more than limits.memory_mb, "
            f"{self._limits.memory_mb}"
        )
