"""Full scans of Cassandra for the checker, page by page, with the driver alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import RoundRobinPolicy

from loadtest.checker import Row
from loadtest.history import Value
from loadtest.window_counts import WindowKey

_TIMEOUT_S = 60.0


@contextmanager
def cassandra_session(host: str, port: int, keyspace: str = "headrace") -> Iterator[Session]:
    """A session on one node; closed at the end."""
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=_TIMEOUT_S)
    cluster = Cluster([host], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, compression=False)
    try:
        yield cluster.connect(keyspace)
    finally:
        cluster.shutdown()


def stored_rows(session: Session) -> Iterator[Row]:
    """Every stored reading, each value of a row's map as one."""
    for found in session.execute("SELECT device, time, readings FROM readings"):
        for metric, reading in (found.readings or {}).items():
            time = found.time if reading.device_time is None else reading.device_time
            yield Row(found.device, metric, time, value_of(reading))


def stored_window_counts(session: Session) -> dict[WindowKey, int]:
    """The count of each stored window; the table holds the highest revision only."""
    return {
        (found.device, metric, found.width, found.start): window.count
        for found in session.execute("SELECT device, width, start, windows FROM windows")
        for metric, window in (found.windows or {}).items()
    }


def value_of(reading: Any) -> Value:
    """The one value that a stored reading has. Raises ValueError where it has none."""
    for value in (reading.number, reading.integer, reading.boolean, reading.text):
        if value is not None:
            found: Value = value
            return found
    raise ValueError(f"a stored reading without a value: {reading}")
