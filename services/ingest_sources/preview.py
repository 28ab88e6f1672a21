"""What would become of a file's first rows, with nothing written anywhere."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from headrace.clock import SystemClock
from headrace.streams.batch import OutRecord
from ingest_sources.readers.read_file import read_rows
from ingest_sources.records import Origin, to_records
from ingest_sources.rows import BadRow
from ingest_sources.rules.apply import RuleSet
from ingest_sources.source import FileSource
from ingest_sources.watched_folder import open_claimed, shown


@dataclass(frozen=True)
class Preview:
    """The first part of a file.

    Attributes:
        rows: read.
        counts: rows that a rule refused or left out, by rule.
    """

    rows: int
    records: Sequence[OutRecord]
    bad: Sequence[BadRow]
    counts: Mapping[str, int]


def preview_file(source: FileSource, rules: RuleSet, path: Path) -> Preview:
    """Reads and cleanses the first part of a file.

    Raises:
        TerminalError: the file can't be read.
        ConfigurationError: it has not the columns that the source names.
    """
    name = shown(path.name)
    origin = Origin(source.name, name, SystemClock().now_us())
    with (
        closing(open_claimed(path)) as file,
        closing(read_rows(file.fd, name, source.read, source.limits)) as parts,
    ):
        for rows in parts:
            cleansed = rules.apply(rows)
            records, refused = to_records(cleansed.table, source.into, origin)
            bad = sorted([*cleansed.bad, *rules.dead(rows.table, refused)], key=lambda row: row.number)
            return Preview(rows.end, records, bad, cleansed.counts)
    return Preview(0, (), (), {})
