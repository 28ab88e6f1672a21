"""What would become of a source's first rows, with nothing written anywhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from headrace.clock import SystemClock
from headrace.errors import ConfigurationError
from headrace.streams.batch import OutRecord
from headrace.subjects.subject import Subject, new_subject
from ingest_sources.feeds.feed import Feed, Section
from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.files.file_source import FileSource
from ingest_sources.files.watched_folder import open_claimed, shown
from ingest_sources.quality.known_columns import hidden_columns
from ingest_sources.readers.read_file import read_rows
from ingest_sources.records import to_records
from ingest_sources.row_origin import Origin
from ingest_sources.rows import BadRow
from ingest_sources.rules.apply import RuleSet
from ingest_sources.source_model import SourceModel


class MadeUpPeople:
    """Subjects that are nobody's, so that no look at a sample makes any."""

    def __init__(self) -> None:
        self._subjects: dict[tuple[str, str], Subject] = {}

    def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
        """One for each name."""
        return [self._subjects.setdefault((site, name), new_subject()) for name in names]


@dataclass(frozen=True)
class Preview:
    """The first part of a source.

    Attributes:
        rows: read.
        counts: rows that a rule refused or left out, by rule.
        mismatch: what the source's file names and these rows don't have; of messages a later one may.
    """

    rows: int
    records: Sequence[OutRecord]
    bad: Sequence[BadRow]
    counts: Mapping[str, int]
    mismatch: str = ""


def preview_file(source: FileSource, rules: RuleSet, path: Path) -> Preview:
    """Reads and cleanses the first part of a file.

    Raises:
        TerminalError: the file can't be read.
        ConfigurationError: it has not the columns that the source names.
    """
    name = shown(path.name)
    with (
        closing(open_claimed(path)) as file,
        closing(read_rows(file.fd, name, source.read, source.limits)) as parts,
    ):
        for rows in parts:
            return _preview(source, rules, [Section(name, rows)])
    return Preview(0, (), (), {})


def preview_feed(source: FeedSource, rules: RuleSet, connect: Callable[[], Feed]) -> Preview:
    """Reads and cleanses a sample of a feed.

    Raises:
        TransientError: its other end does not answer.
        ConfigurationError: it can't be read as the source's file says.
    """
    with closing(connect()) as feed:
        part = feed.sample()
    sections = part.sections if part else ()
    preview = _preview(source, rules, sections)
    if not source.IS_FREE_FORM:
        return preview
    try:
        _preview(source, rules.of_one_shape(), sections, is_free_form=False)
    except ConfigurationError as error:
        return Preview(preview.rows, preview.records, preview.bad, preview.counts, str(error))
    return preview


def _preview(
    source: SourceModel, rules: RuleSet, sections: Iterable[Section], is_free_form: bool | None = None
) -> Preview:
    if is_free_form is None:
        is_free_form = source.IS_FREE_FORM
    count = 0
    records: list[OutRecord] = []
    bad: list[BadRow] = []
    counts: dict[str, int] = {}
    people, is_hidden = MadeUpPeople(), hidden_columns(source.personal_columns, source.rules)
    for section in sections:
        rows = section.rows
        cleansed = rules.apply(rows)
        good, refused = to_records(
            cleansed.table,
            source.into,
            Origin(source.name, section.place, SystemClock().now_us()),
            is_free_form,
            op_column=source.OP_COLUMN,
            people=people,
            is_hidden=is_hidden,
        )
        count += rows.table.height + len(rows.bad)
        records += good
        bad += sorted([*cleansed.bad, *rules.dead(rows.table, refused)], key=lambda row: row.number)
        for rule, number in cleansed.counts.items():
            counts[rule] = counts.get(rule, 0) + number
    return Preview(count, records, bad, counts)
