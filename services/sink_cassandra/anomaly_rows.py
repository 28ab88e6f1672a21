"""Anomalies, and what is said of them, as rows of `anomalies_by_device`, `anomalies_by_hour` and `anomalies_by_id`."""

import struct
from typing import NamedTuple

from headrace.errors import Reason, TerminalError
from headrace.records import Anomaly, AnomalyFeedback
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


def pack_feedback(feedback: AnomalyFeedback) -> bytes:
    """The user-defined type `anomaly_feedback`, without its length."""
    return b"".join(
        (bigint(feedback.given), text(feedback.verdict), text(feedback.author), optional_text(feedback.note))
    )


def add_anomaly(rows: Rows, anomaly: Anomaly, appended: int) -> None:
    """Adds an anomaly that was appended to its topic at a time in microseconds.

    Raises:
        TerminalError: it can't be stored.
    """
    try:
        before = bigint(appended) + sized(pack_anomaly(anomaly))
        by_device, by_hour, by_id = _place_of(anomaly)
        place = key(anomaly.device) + key(anomaly.metric) + bigint(anomaly.time) + bigint(anomaly.n)
    except struct.error as error:
        raise _does_not_fit(error) from error
    rows.add(Table.ANOMALIES_BY_DEVICE, by_device.partition, before, by_device.rest)
    rows.add(Table.ANOMALIES_BY_HOUR, by_hour.partition, before, by_hour.rest)
    rows.add(Table.ANOMALIES_BY_ID, by_id, bigint(appended) + place + text(anomaly.detector), b"")


def add_feedback(rows: Rows, feedback: AnomalyFeedback, appended: int) -> None:
    """Adds what was said of an anomaly to the anomaly's rows, whether they are there yet or not.

    Raises:
        TerminalError: it can't be stored.
    """
    try:
        before = bigint(appended) + sized(pack_feedback(feedback))
        by_device, by_hour, _ = _place_of(feedback)
    except struct.error as error:
        raise _does_not_fit(error) from error
    rows.add(Table.FEEDBACK_BY_DEVICE, by_device.partition, before, by_device.rest)
    rows.add(Table.FEEDBACK_BY_HOUR, by_hour.partition, before, by_hour.rest)


class _RowKey(NamedTuple):
    """A row's key: that of its partition, and the columns that follow."""

    partition: bytes
    rest: bytes


def _place_of(record: Anomaly | AnomalyFeedback) -> tuple[_RowKey, _RowKey, bytes]:
    """The keys of an anomaly's rows by device, by hour and by id."""
    site, device, metric, found = key(record.site), key(record.device), key(record.metric), key(record.id)
    time, n = bigint(record.time), bigint(record.n)
    by_device = _RowKey(site + device + bigint(week_of(record.time)), time + found + metric + n)
    by_hour = _RowKey(site + bigint(hour_of(record.time)), time + found + device + metric + n)
    return by_device, by_hour, site + found


def _does_not_fit(error: struct.error) -> TerminalError:
    return TerminalError(Reason.REFUSED_BY_STORE, f"a number does not fit its column: {error}")
