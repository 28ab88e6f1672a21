"""What is about persons as rows of `subject_records`, and the deletion of all that there is of one."""

import struct
from typing import Protocol

from headrace.errors import Reason, TerminalError
from headrace.interactions.records import Erasure, Interaction, Recommendation
from headrace.records import encode, schema_name
from headrace.tables import MONTHS_KEPT, month_of, months_before
from sink_cassandra.packing import bigint, key, sized, text
from sink_cassandra.rows import Rows, Table

AFTER_ALL = 2**62
"""The write time of a deletion: a subject is never used again, so what a killed sink writes late is deleted too."""


class Erased(Protocol):
    """Which subjects are erased: `headrace.subjects.erased.ErasedSubjects`."""

    def is_erased(self, subject: str) -> bool: ...
    def add(self, subject: str) -> None: ...


def add_subject_record(rows: Rows, record: Interaction | Recommendation, appended: int, erased: Erased) -> None:
    """Adds a record that was appended to its topic at a time in microseconds, unless its subject is erased.

    Raises:
        TerminalError: it can't be stored.
    """
    if erased.is_erased(record.subject):
        rows.skipped += 1
        return
    kind, time = ("interaction", record.time) if isinstance(record, Interaction) else ("recommendation", record.made)
    try:
        before = bigint(appended) + text(schema_name(type(record))) + sized(encode(record))
        after = bigint(time) + key(record.id) + key(kind)
    except struct.error as error:
        raise TerminalError(Reason.REFUSED_BY_STORE, f"a time does not fit its column: {error}") from error
    rows.add(Table.SUBJECT_RECORDS, _partition(record.site, record.subject, month_of(appended)), before, after)


def add_erasure(rows: Rows, erasure: Erasure, appended: int, erased: Erased) -> None:
    """Adds the deletion of all partitions that a subject can have, from which on its records are left out.

    Raises:
        TerminalError: a name is too long.
    """
    erased.add(erasure.subject)
    for month in months_before(appended, MONTHS_KEPT):
        rows.add(Table.SUBJECTS_ERASED, _partition(erasure.site, erasure.subject, month), bigint(AFTER_ALL), b"")


def _partition(site: str, subject: str, month: int) -> bytes:
    return key(site) + sized(subject.encode()) + bigint(month)
