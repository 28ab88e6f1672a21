"""The topic of reports: the last `KEPT` of each source, so that reading all of it stays little."""

from contextlib import closing

import msgspec

from headrace.errors import ConfigurationError
from headrace.range_reader import RangeReader, log_end
from headrace.streams.batch import OutRecord, compact
from ingest_sources.into import REPORTS
from ingest_sources.quality.report import Report

KEPT = 100
"""Reports of one source; a newer one takes the place of the oldest, whatever the clock says."""


def report_record(report: Report) -> OutRecord:
    """A report's record in the topic."""
    key = f"{report.source}/{report.number % KEPT}".encode()
    return OutRecord(REPORTS, key, msgspec.json.encode(report))


def read_reports(brokers: str, source: str) -> list[Report]:
    """The committed reports of a source, the oldest first; waits for transactions that are open.

    Raises:
        TransientError: the brokers don't answer, or a transaction stays open for half a minute.
        ConfigurationError: a later version of Headrace wrote one.
    """
    prefix = f"{source}/".encode()
    found: dict[bytes, bytes] = {}
    with closing(RangeReader(brokers, REPORTS, 0)) as reader:
        reader.start(reader.bounds()[0], log_end(brokers, REPORTS, 0))
        while not reader.is_done:
            records = [(message.key() or b"", message.value()) for message in reader.read()]
            compact(found, [record for record in records if record[0].startswith(prefix)])
    return sorted(map(_decode, found.values()), key=lambda report: report.number)


def _decode(value: bytes) -> Report:
    try:
        return msgspec.json.decode(value, type=Report)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            f"{REPORTS} holds a report this version can't read ({error}): run the one that wrote it, or a later"
        ) from error
