"""Loads one file: its rows, its dead letters and how far it is, in transactions that hold all three."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec
import polars as pl

from headrace.clock import Clock
from headrace.errors import ConfigurationError, Reason, TerminalError, TransientError
from headrace.streams.batch import OutRecord
from headrace.streams.task import OnStep, no_step
from headrace.streams.transaction import Transactions
from ingest_sources.ledger import FileEntry, Ledger
from ingest_sources.readers.read_file import read_rows
from ingest_sources.records import Origin, dead_letters, to_records
from ingest_sources.rows import ROW, BadRow, Rows
from ingest_sources.rules.apply import RuleSet
from ingest_sources.source import FileSource
from ingest_sources.watched_folder import OpenFile, UnfitFile, shown

_DETAIL = 2_000
"""Characters of a reason that the ledger keeps, as the dead letters do: it may list thousands of columns."""
WHOLE_FILE = 0
"""The row number of a dead letter that stands for its file."""


@dataclass(frozen=True)
class Prepared:
    """A part of a file as it goes to Kafka; `dropped` rows were left out on purpose, `end` is its last row."""

    records: list[OutRecord]
    bad: list[BadRow]
    dropped: int
    end: int


class FileLoader:
    """Loads the files of one source, one at a time.

    Args:
        transactions: started, of the source's own id, so that whoever runs the source last is the only one that can.
        ledger: what is committed of the source's files; kept up to date here.
        is_ending: whether the process is to end; a file is then left where it is, to be loaded on by the next.
        on_step: told each step by name; fault tests end the process there.
    """

    def __init__(
        self,
        source: FileSource,
        rules: RuleSet,
        transactions: Transactions,
        ledger: Ledger,
        clock: Clock,
        is_ending: Callable[[], bool],
        on_step: OnStep = no_step,
    ) -> None:
        self._source = source
        self._rules = rules
        self._transactions = transactions
        self._ledger = ledger
        self._clock = clock
        self._is_ending = is_ending
        self._on_step = on_step
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._pending: Future[FileEntry] | None = None
        self._read = source.read.model_dump_json()
        self._columns: dict[str, None] = {}

    def load(self, file: OpenFile, entry: FileEntry) -> FileEntry:
        """Loads what follows the entry's position, to the end of the file or to what can't be read in it.

        Returns:
            The entry as committed: done, or refused with the reason, or loading if the process is to end.

        Raises:
            AbortRequired: nothing since the last commit counts; `abort`, and load what the ledger has.
            ProducerLost: the process must end.
        """
        if entry.position == 0:
            # Under another name the same bytes may be of another format.
            entry = self._changed(entry, file=shown(file.path.name), read=self._read)
        origin = self._origin(entry.file)
        entry = self._changed(entry, state="loading", detail="")
        self._columns = {}
        try:
            if entry.read != self._read:
                raise ConfigurationError(
                    f"its first {entry.position} rows were loaded with other `read` options, so nobody knows which are "
                    "left: put those into a new file"
                )
            for rows in read_rows(file.fd, entry.file, self._source.read, self._source.limits, entry.position):
                prepared = self._prepare(rows, origin)
                self._settle()
                if self._is_ending():
                    return entry
                entry = self._produce(prepared, entry, origin)
                # A transaction is open for one part only, never while the reader works: the brokers would end it.
                self._pending = self._executor.submit(self._commit, entry)
            if file.has_changed():
                raise ConfigurationError("it was changed while it was read: write it elsewhere and rename it into here")
        except (TerminalError, ConfigurationError) as error:
            self._settle()
            return self._refuse(entry, origin, error)
        self._settle()
        return self._commit(self._changed(entry, state="done"))

    def forget(self, entry: FileEntry) -> None:
        """Commits that a content is to be loaded from its beginning again."""
        self._commit(self._changed(entry, position=0, delivered=0, rejected=0, dropped=0, state="loading", detail=""))

    def refuse_unopened(self, name: str, error: UnfitFile) -> None:
        """Commits a dead letter for what can't be opened; the ledger is of contents, and it has none."""
        letter = BadRow(WHOLE_FILE, error.reason, error.detail, b"")
        self._transactions.produce(dead_letters([letter], self._origin(shown(name))))
        self._transactions.commit()

    def abort(self) -> None:
        """Gives up what is not committed.

        Raises:
            ProducerLost: the process must end.
        """
        with suppress(TransientError):
            self._settle()
        self._transactions.abort()

    def _prepare(self, rows: Rows, origin: Origin) -> Prepared:
        """All that can be done of a part while the one before is being committed."""
        rows = replace(rows, table=self._with_known_columns(rows.table))
        try:
            cleansed = self._rules.apply(rows)
            records, refused = to_records(cleansed.table, self._source.into, origin)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            # A type of column that nobody thought of costs this file, not the source.
            raise ConfigurationError(f"rows {rows.end - rows.table.height} to {rows.end}: {error}") from error
        bad = [*cleansed.bad, *self._rules.dead(rows.table, refused)]
        return Prepared(records, bad, rows.table.height + len(rows.bad) - len(records) - len(bad), rows.end)

    def _with_known_columns(self, table: pl.DataFrame) -> pl.DataFrame:
        """With the columns of the file's parts before this one: an optional field may be in no row of a part."""
        if table.columns == [ROW]:
            return table
        missing = [name for name in self._columns if name not in table.columns]
        self._columns.update(dict.fromkeys(table.columns))
        return table.with_columns(pl.lit(None).alias(name) for name in missing) if missing else table

    def _settle(self) -> None:
        """Waits for the commit that is under way, if one is, and raises what it raised."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _produce(self, part: Prepared, entry: FileEntry, origin: Origin) -> FileEntry:
        self._transactions.produce(part.records)
        self._transactions.produce(dead_letters(part.bad, origin))
        self._on_step("produced")
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
        self._transactions.produce(dead_letters([BadRow(WHOLE_FILE, reason.reason, detail, b"")], origin))
        return self._commit(self._changed(entry, state="refused", detail=reason.detail[:_DETAIL]))

    def _commit(self, entry: FileEntry) -> FileEntry:
        self._transactions.produce([entry.record()])
        self._on_step("committing")
        self._transactions.commit()
        self._ledger.note(entry)
        self._on_step("committed")
        return entry

    def _changed(self, entry: FileEntry, **changes: object) -> FileEntry:
        return msgspec.structs.replace(entry, **changes, changed_us=self._clock.now_us())

    def _origin(self, file: str) -> Origin:
        return Origin(self._source.name, file, self._clock.now_us())
