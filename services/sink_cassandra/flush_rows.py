"""Records of a flush as rows: which struct each topic holds, and what can't be stored."""

from collections.abc import Sequence

from headrace.errors import Reason, TerminalError
from headrace.interactions.records import ERASED, MADE, RAW, Erasure, Interaction, Recommendation
from headrace.records import Anomaly, AnomalyFeedback, Device, Reading, Record, Window, decode, schema_name
from headrace.refusal import Refusal
from headrace.streams.batch import Batch
from sink_cassandra.anomaly_rows import add_anomaly, add_feedback
from sink_cassandra.device_rows import add_device
from sink_cassandra.reading_rows import ReadingRows
from sink_cassandra.rows import Rows
from sink_cassandra.subject_rows import Erased, add_erasure, add_subject_record
from sink_cassandra.window_rows import add_window

TOPICS: dict[str, type[Record]] = {
    "readings.clean": Reading,
    "readings.late": Reading,
    "readings.windows": Window,
    "readings.anomalies": Anomaly,
    "anomalies.feedback": AnomalyFeedback,
    "devices.registry": Device,
    RAW: Interaction,
    MADE: Recommendation,
    ERASED: Erasure,
}


def rows_of(batches: Sequence[Batch], erased: Erased) -> tuple[Rows, list[Refusal]]:
    """The rows of all records that can be stored, and the records that can't; erasures count for all of the flush."""
    rows, refusals = Rows(), []
    readings = ReadingRows(rows)
    for batch in sorted(batches, key=lambda batch: batch.topic != ERASED):
        expected = TOPICS[batch.topic]
        for index, (value, headers, appended) in enumerate(
            zip(batch.values, batch.headers, batch.timestamps, strict=True)
        ):
            try:
                _add(rows, readings, _decode(value, headers, expected), appended, erased)
            except TerminalError as error:
                refusals.append(Refusal(batch, index, error))
    readings.finish()
    return rows, refusals


def _decode(value: bytes | None, headers: Sequence[tuple[str, bytes]], expected: type[Record]) -> Record:
    record = decode(value, headers)
    if type(record) is not expected:
        found = schema_name(type(record))
        raise TerminalError(Reason.UNKNOWN_SCHEMA, f"a {found} where only {schema_name(expected)} belongs")
    return record


def _add(rows: Rows, readings: ReadingRows, record: Record, appended: int, erased: Erased) -> None:
    if type(record) is Reading:
        readings.add(record, appended)
    elif type(record) is Window:
        add_window(rows, record, appended)
    elif type(record) is Anomaly:
        add_anomaly(rows, record, appended)
    elif type(record) is AnomalyFeedback:
        add_feedback(rows, record, appended)
    elif type(record) is Device:
        add_device(rows, record, appended)
    elif type(record) is Interaction or type(record) is Recommendation:
        add_subject_record(rows, record, appended, erased)
    elif type(record) is Erasure:
        add_erasure(rows, record, appended, erased)
