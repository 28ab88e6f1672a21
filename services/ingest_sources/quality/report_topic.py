"""The topic of reports: the last `KEPT` of each source, so that reading all of it stays little."""

import msgspec

from headrace.compacted_topic import read_compacted
from headrace.errors import ConfigurationError
from headrace.streams.batch import OutRecord
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
    found = read_compacted(brokers, REPORTS, f"{source}/".encode()).values()
    return sorted((_decode(message.value() or b"") for message in found), key=lambda report: report.number)


def _decode(value: bytes) -> Report:
    try:
        return msgspec.json.decode(value, type=Report)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            f"{REPORTS} holds a report this version can't read ({error}): run the one that wrote it, or a later"
        ) from error
