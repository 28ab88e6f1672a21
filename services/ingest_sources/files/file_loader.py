"""Loads one file: its rows, its dead letters and how far it is, in transactions that hold all three."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import msgspec
import polars as pl

from headrace.clock import Clock
from headrace.errors import ConfigurationError, Reason, TerminalError, TransientError
from ingest_sources.files.file_source import FileSource
from ingest_sources.files.watched_folder import OpenFile, UnfitFile, shown
from ingest_sources.ledger import FileEntry
from ingest_sources.part_commits import PartCommits
from ingest_sources.prepare import Prepared, Preparer
from ingest_sources.quality.run_reports import RunReports
from ingest_sources.readers.read_file import read_rows
from ingest_sources.records import dead_letters
from ingest_sources.row_origin import Origin
from ingest_sources.rows import BadRow, is_bare, with_columns
from ingest_sources.rules.steps import ReferenceWrong

_DETAIL = 2_000
"""Characters of a reason that the ledger keeps, as the dead letters do: it may list thousands of columns."""
WHOLE_FILE = 0
"""The row number of a dead letter that stands for its file."""


class FileLoader:
    """Loads the files of one source, one at a time.

    Args:
        commits: of the source; each entry that is committed is told to the ledger and to `reports`.
        is_ending: whether the process is to end; a file is then left where it is, to be loaded on by the next.
    """

    def __init__(
        self,
        source: FileSource,
        preparer: Preparer,
        commits: PartCommits[FileEntry],
        reports: RunReports,
        clock: Clock,
        is_ending: Callable[[], bool],
    ) -> None:
        self._source = source
        self._preparer = preparer
        self._commits = commits
        self._reports = reports
        self._clock = clock
        self._is_ending = is_ending
        self._read = source.read.model_dump_json()
        self._columns: dict[str, None] = {}

    def load(self, file: OpenFile, entry: FileEntry) -> FileEntry:
        """Loads what follows the entry's position, to the end of the file or to what can't be read in it.

        Returns:
            The entry as committed: done, or refused with the reason, or loading if the process is to end.

        Raises:
            AbortRequired: nothing since the last commit counts; `abort`, and load what the ledger has.
            TransientError: reference data are away or can't be used; likewise.
            ProducerLost: the process must end.
        """
        if entry.position == 0:
            # Under another name the same bytes may be of another format.
            entry = self._changed(entry, file=shown(file.path.name), read=self._read)
        origin = self._origin(entry.file)
        entry = self._changed(entry, state="loading", detail="")
        self._columns = {}
        # Its first rows had what the source names; after a restart nobody knows which optional fields they had.
        may_lack = entry.position > 0
        self._reports.begin_file(entry.file, entry.sha256, entry.position)
        try:
            if entry.read != self._read:
                raise ConfigurationError(
                    f"its first {entry.position} rows were loaded with other `read` options, so nobody knows which are "
                    "left: put those into a new file"
                )
            for rows in read_rows(file.fd, entry.file, self._source.read, self._source.limits, entry.position):
                rows = replace(rows, table=self._with_known_columns(rows.table))
                prepared = self._preparer.prepare(rows, origin, may_lack)
                self._commits.settle()
                if self._is_ending():
                    return entry
                self._commits.produce(prepared.written(origin))
                entry = self._after(entry, prepared)
                self._reports.add([prepared.quality()], entry, entry.position)
                self._commits.begin(entry)
            if file.has_changed():
                raise ConfigurationError("it was changed while it was read: write it elsewhere and rename it into here")
        except ReferenceWrong as error:
            # The file is not to blame: it waits until somebody has mended the reference.
            raise TransientError(str(error)) from error
        except (TerminalError, ConfigurationError) as error:
            self._commits.settle()
            return self._refuse(entry, origin, error)
        self._commits.settle()
        return self._end(self._changed(entry, state="done"))

    def forget(self, entry: FileEntry) -> None:
        """Commits that a content is to be loaded from its beginning again."""
        nothing = {"position": 0, "delivered": 0, "rejected": 0, "dropped": 0}
        self._commits.produce(self._preparer.begin_anew())
        self._commits.commit(self._changed(entry, **nothing, state="loading", detail=""))

    def refuse_unopened(self, name: str, error: UnfitFile) -> None:
        """Commits a dead letter for what can't be opened; the ledger is of contents, and it has none."""
        letter = BadRow(WHOLE_FILE, error.reason, error.detail, b"")
        self._commits.commit_alone(dead_letters([letter], self._origin(shown(name))))

    def abort(self) -> None:
        """Gives up what is not committed.

        Raises:
            ProducerLost: the process must end.
        """
        self._commits.abort()
        self._preparer.forget()
        self._reports.forget()

    def _with_known_columns(self, table: pl.DataFrame) -> pl.DataFrame:
        """With the columns of the file's parts before this one: an optional field may be in no row of a part."""
        if is_bare(table):
            return table
        self._columns.update(dict.fromkeys(table.columns))
        return with_columns(table, self._columns)

    def _after(self, entry: FileEntry, part: Prepared) -> FileEntry:
        return self._changed(
            entry,
            position=part.end,
            delivered=entry.delivered + len(part.records),
            rejected=entry.rejected + len(part.bad),
            dropped=entry.dropped + part.dropped,
        )

    def _refuse(self, entry: FileEntry, origin: Origin, error: TerminalError | ConfigurationError) -> FileEntry:
        reason = error if isinstance(error, TerminalError) else TerminalError(Reason.UNEXPECTED_SHAPE, str(error))
        detail = f"the file, after row {entry.position}: {reason.detail}"
        self._commits.produce(dead_letters([BadRow(WHOLE_FILE, reason.reason, detail, b"")], origin))
        return self._end(self._changed(entry, state="refused", detail=reason.detail[:_DETAIL]))

    def _end(self, entry: FileEntry) -> FileEntry:
        state: Literal["done", "refused"] = "done" if entry.state == "done" else "refused"
        return self._commits.commit(entry, self._reports.end(entry, state))

    def _changed(self, entry: FileEntry, **changes: object) -> FileEntry:
        return msgspec.structs.replace(entry, **changes, changed_us=self._clock.now_us())

    def _origin(self, file: str) -> Origin:
        return Origin(self._source.name, file, self._clock.now_us())
