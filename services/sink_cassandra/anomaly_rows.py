"""Anomalies as rows of `anomalies_by_device` and `anomalies_by_hour`."""

import struct

from headrace.errors import Reason, TerminalError
from headrace.records import Anomaly
from headrace.tables import hour_of, week_of
from sink_cassandra.packing import bigint, double, key, optional_double, optional_text, sized, text
from sink_cassandra.rows import Rows, Table


def pack_anomaly(anomaly: Anomaly) -> bytes:
    """The user-defined type `anomaly`, without its length."""
    return b"".join(
        (
            double(anomaly.value),
            double(anomaly.score),
            double(anomaly.threshold),
            text(anomaly.reason),
            text(anomaly.detector),
            text(anomaly.detector_version),
            optional_double(anomaly.expected),
            optional_text(anomaly.unit),
        )
    )


def add_anomaly(rows: Rows, anomaly: Anomaly, appended: int) -> None:
    """Adds an anomaly that was appended to its topic at a time in microseconds.

    Raises:
        TerminalError: it can't be stored.
    """
    try:
        before = bigint(appended) + sized(pack_anomaly(anomaly))
        site, device, metric, found = key(anomaly.site), key(anomaly.device), key(anomaly.metric), key(anomaly.id)
        time, n = bigint(anomaly.time), bigint(anomaly.n)
        by_device, by_hour = site + device + bigint(week_of(anomaly.time)), site + bigint(hour_of(anomaly.time))
    except struct.error as error:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"a number does not fit its column: {error}") from error
    rows.add(Table.ANOMALIES_BY_DEVICE, by_device, before, time + found + metric + n)
    rows.add(Table.ANOMALIES_BY_HOUR, by_hour, before, time + found + device + metric + n)
