"""Rows to what goes to Kafka for them: all of a part's work that needs no Kafka."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from headrace.errors import ConfigurationError, Reason
from headrace.streams.batch import OutRecord
from ingest_sources.interaction_rows import People
from ingest_sources.quality.column_stats import TableStats, table_stats
from ingest_sources.quality.known_columns import hidden_columns
from ingest_sources.quality.part_quality import PartQuality
from ingest_sources.records import dead_letters, to_records
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, BadRow, Rows
from ingest_sources.rules.apply import RuleSet
from ingest_sources.rules.steps import ReferenceWrong, Refused
from ingest_sources.schema_keeper import SchemaKeeper
from ingest_sources.seen_keeper import SeenKeeper
from ingest_sources.source_model import SourceModel


@dataclass(frozen=True)
class Prepared:
    """Rows as they go to Kafka.

    Attributes:
        dropped: rows that were left out on purpose.
        end: number of the last row.
        news: the schema of the topic, where it is new, and what rules have seen.
        by_rule: position and name of a rule → rows that it refused or dropped.
        table: what the rows look like that passed all rules.
    """

    records: Sequence[OutRecord]
    bad: Sequence[BadRow]
    dropped: int
    end: int
    news: Sequence[OutRecord] = ()
    by_rule: Mapping[str, int] = field(default_factory=dict)
    table: TableStats = field(default_factory=TableStats)

    def quality(self) -> PartQuality:
        """What it adds to the report of its run."""
        by_reason = Counter(row.reason.value for row in self.bad)
        return PartQuality(len(self.records), len(self.bad), self.dropped, self.by_rule, by_reason, self.table)

    def written(self, origin: Origin) -> Iterator[OutRecord]:
        """All that goes to Kafka, the schema before the rows that have it."""
        yield from self.news
        yield from self.records
        yield from dead_letters(self.bad, origin)


class Preparer:
    """Takes rows of one source through its rules to its topic.

    Args:
        is_free_form: rows don't share a shape, as those of messages: one that doesn't fit costs itself alone, where it
            would be a mistake of the whole source otherwise.
        schema: of the source's own topic; None for `readings.raw`.
        seen: what its rules have seen; None for rules that look at each part alone.
        people: who gives the subjects of interactions; None for other rows.
    """

    def __init__(
        self,
        source: SourceModel,
        rules: RuleSet,
        is_free_form: bool = False,
        schema: SchemaKeeper | None = None,
        seen: SeenKeeper | None = None,
        people: People | None = None,
    ) -> None:
        self._people = people
        self._schema = schema
        self._seen = seen
        self._source = source
        self._rules = rules
        self._is_free_form = is_free_form
        self._op_column = source.OP_COLUMN
        self._is_hidden = hidden_columns(source.personal_columns, source.rules)

    def prepare(self, rows: Rows, origin: Origin, may_lack: bool = False) -> Prepared:
        """What becomes of rows.

        Args:
            may_lack: columns that the source's file names, as rows before these are known to have had them.

        Raises:
            ConfigurationError: they have not the columns or the types that the source's file names.
            ReferenceWrong: reference data can't be used, so nothing can be said of any row.
            TransientError: reference data, subjects or the brokers are away.
        """
        try:
            return self._prepared(rows, origin, may_lack or self._is_free_form)
        except ReferenceWrong:
            raise
        except ConfigurationError as error:
            if not self._is_free_form:
                raise
            height = rows.table.height
            if height <= 1:
                return self._refused(rows, error)
            # Seldom needed, and then for one row among many: halving finds it in few steps.
            middle = height // 2
            first = self.prepare(Rows(rows.table.head(middle), rows.bad, rows.end), origin)
            second = self.prepare(Rows(rows.table.tail(height - middle), (), rows.end), origin)
            return _joined(first, second)

    def forget(self) -> None:
        """What was prepared since the last commit may never be: to be called when a transaction was given up."""
        if self._schema:
            self._schema.forget()
        if self._seen:
            self._seen.forget()

    def begin_anew(self) -> Sequence[OutRecord]:
        """Rows are to come again that were there before; gives what is to be committed for it.

        Raises:
            TransientError: the brokers don't say what is committed.
        """
        return self._seen.clear() if self._seen else ()

    def _prepared(self, rows: Rows, origin: Origin, may_lack: bool) -> Prepared:
        if self._seen:
            self._seen.begin()
        try:
            cleansed = self._rules.apply(rows, may_lack)
            schema = self._schema.grown(cleansed.table) if self._schema and not cleansed.table.is_empty() else None
            version = schema.version if schema else 0
            records, refused = to_records(
                cleansed.table,
                self._source.into,
                origin,
                may_lack,
                version,
                self._op_column,
                self._people,
                self._is_hidden,
            )
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            # A type of column that nobody thought of costs these rows, not the source.
            what = self._rules.discreet(error)
            raise ConfigurationError(f"rows {rows.end - rows.table.height} to {rows.end}: {what}") from error
        bad = [*cleansed.bad, *self._rules.dead(rows.table, refused)]
        dropped = rows.table.height + len(rows.bad) - len(records) - len(bad)
        # Only now: nothing that is refused may leave a trace in what is announced.
        news = self._schema.take(schema) if self._schema and schema else []
        if self._seen:
            news += self._seen.take()
        table = table_stats(cleansed.table, self._is_hidden)
        return Prepared(records, bad, dropped, rows.end, news, cleansed.counts, table)

    def _refused(self, rows: Rows, error: ConfigurationError) -> Prepared:
        refused = [Refused(number, str(error), Reason.REFUSED_BY_RULE) for number in rows.table[ROW]]
        return Prepared((), [*self._rules.hide_lines(rows.bad), *self._rules.dead(rows.table, refused)], 0, rows.end)


def _joined(first: Prepared, second: Prepared) -> Prepared:
    return Prepared(
        [*first.records, *second.records],
        [*first.bad, *second.bad],
        first.dropped + second.dropped,
        second.end,
        [*first.news, *second.news],
        Counter(first.by_rule) + Counter(second.by_rule),
        first.table.merged(second.table),
    )
