"""Rows on their way to a table, grouped by the partition that they belong to."""

from dataclasses import dataclass, field
from enum import Enum


class Table(Enum):
    """A table, with the statement that upserts one row, or deletes one partition.

    A row's values come packed in the order of the statement's markers. A map grows by the entries given, a value is
    replaced whole, and nothing is ever a null.
    """

    READINGS = (
        "readings",
        "UPDATE {table} USING TIMESTAMP ? SET readings = readings + ? "
        "WHERE site = ? AND bucket = ? AND hour = ? AND device = ? AND time = ? AND n = ?",
    )
    LATEST = (
        "latest",
        "UPDATE {table} USING TIMESTAMP ? SET readings = readings + ? WHERE site = ? AND bucket = ? AND device = ?",
    )
    WINDOWS = (
        "windows",
        "UPDATE {table} USING TIMESTAMP ? SET windows = windows + ? "
        "WHERE site = ? AND bucket = ? AND width = ? AND period = ? AND device = ? AND start = ?",
    )
    ANOMALIES_BY_DEVICE = (
        "anomalies_by_device",
        "UPDATE {table} USING TIMESTAMP ? SET anomaly = ? "
        "WHERE site = ? AND device = ? AND week = ? AND time = ? AND id = ? AND metric = ? AND n = ?",
    )
    ANOMALIES_BY_HOUR = (
        "anomalies_by_hour",
        "UPDATE {table} USING TIMESTAMP ? SET anomaly = ? "
        "WHERE site = ? AND hour = ? AND time = ? AND id = ? AND device = ? AND metric = ? AND n = ?",
    )
    ANOMALIES_BY_ID = (
        "anomalies_by_id",
        "UPDATE {table} USING TIMESTAMP ? SET device = ?, metric = ?, time = ?, n = ?, detector = ? "
        "WHERE site = ? AND id = ?",
    )
    FEEDBACK_BY_DEVICE = (
        "anomalies_by_device",
        "UPDATE {table} USING TIMESTAMP ? SET feedback = ? "
        "WHERE site = ? AND device = ? AND week = ? AND time = ? AND id = ? AND metric = ? AND n = ?",
    )
    FEEDBACK_BY_HOUR = (
        "anomalies_by_hour",
        "UPDATE {table} USING TIMESTAMP ? SET feedback = ? "
        "WHERE site = ? AND hour = ? AND time = ? AND id = ? AND device = ? AND metric = ? AND n = ?",
    )
    DEVICES_OBSERVED = (
        "devices",
        "UPDATE {table} USING TIMESTAMP ? SET observed = ? WHERE site = ? AND device = ?",
    )
    DEVICES_SET = (
        "devices",
        "UPDATE {table} USING TIMESTAMP ? SET set_by_api = ? WHERE site = ? AND device = ?",
    )

    SUBJECT_RECORDS = (
        "subject_records",
        "UPDATE {table} USING TIMESTAMP ? SET record_schema = ?, record = ? "
        "WHERE site = ? AND subject = ? AND month = ? AND time = ? AND id = ? AND kind = ?",
    )
    SUBJECTS_ERASED = (
        "subject_records",
        "DELETE FROM {table} USING TIMESTAMP ? WHERE site = ? AND subject = ? AND month = ?",
    )

    def __init__(self, table: str, statement: str) -> None:
        self.table = table
        self.statement = statement

    def cql(self, keyspace: str) -> str:
        """The statement for a keyspace."""
        return self.statement.format(table=f"{keyspace}.{self.table}")


Partition = tuple[Table, bytes]
"""A table and the packed values of its partition key."""


@dataclass
class Rows:
    """The rows of one flush: partition → packed values of each row, in the order of the records.

    Attributes:
        skipped: records that are not stored, since their subject is erased.
    """

    by_partition: dict[Partition, list[bytes]] = field(default_factory=dict)
    skipped: int = 0

    def add(self, table: Table, partition: bytes, before: bytes, after: bytes) -> None:
        """Adds a row whose values are `before`, those of the partition key, and `after`."""
        self.by_partition.setdefault((table, partition), []).append(before + partition + after)

    def __len__(self) -> int:
        return sum(map(len, self.by_partition.values()))
