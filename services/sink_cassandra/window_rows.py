"""Windows as rows of `windows`: a row is one window of a device, as a map of metrics."""

import struct

from headrace.errors import Reason, TerminalError
from headrace.records import Window
from headrace.tables import bucket_of, window_period_of
from sink_cassandra.packing import (
    bigint,
    boolean,
    double,
    integer,
    key,
    optional_text,
    sized,
    value_map,
)
from sink_cassandra.rows import Rows, Table

LATEST_IN_MILLISECOND = 999


def pack_window(window: Window) -> bytes:
    """The user-defined type `window_statistics`, without its length; `revision` comes first, so that a greater one is a
    greater value."""
    return b"".join(
        (
            bigint(window.revision),
            boolean(window.final),
            bigint(window.count),
            double(window.min),
            double(window.max),
            double(window.mean),
            double(window.stddev),
            double(window.last),
            bigint(window.last_time),
            optional_text(window.unit),
        )
    )


def write_time(window: Window, appended: int) -> int:
    """Microseconds; append times are whole milliseconds, and revisions within one keep their order."""
    return appended + min(window.revision, LATEST_IN_MILLISECOND)


def add_window(rows: Rows, window: Window, appended: int) -> None:
    """Adds a window that was appended to its topic at a time in microseconds.

    Raises:
        TerminalError: it can't be stored.
    """
    try:
        if window.width <= 0:
            raise TerminalError(Reason.INVALID_RECORD, f"a window of {window.width} µs")
        device = key(window.device)
        partition = (
            key(window.site)
            + integer(bucket_of(window.site, window.device))
            + bigint(window.width)
            + bigint(window_period_of(window.start, window.width))
        )
        entries = value_map([key(window.metric) + sized(pack_window(window))])
        before = bigint(write_time(window, appended)) + entries
        rows.add(Table.WINDOWS, partition, before, device + bigint(window.start))
    except struct.error as error:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"a number does not fit its column: {error}") from error
