"""What is said of one run of a source."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from ingest_sources.quality.column_stats import ColumnStats

RunKind = Literal["file", "run", "stream"]
Difference = Literal["rejected", "rows", "nulls", "mean", "range", "gone", "new", "kind"]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A difference to the runs before.

    Attributes:
        text: for a person: what it is now, and what it was.
        column: none where it is of the whole run.
    """

    what: Difference
    text: str
    column: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run.

    Attributes:
        number: counts the reports of a source from 1.
        kind: a file; a run of a source that is polled; of a stream an hour, or so many rows as it takes.
        what: the file's name; else when the run began.
        state: a file that is `refused` was not read to its end.
        is_partial: a former process had begun it, and this is what came since.
        begun_us, ended_us: microseconds UTC.
        read: rows; `delivered`, `rejected` and `dropped` in sum.
        by_rule: position and name of a rule → rows that it refused or dropped.
        by_reason: reason of dead letters → rows.
        rows: those that passed all rules, of which `columns` are.
        is_cut: there were more columns.
        times: columns that are times, which always move.
        total: rows of a feed until then, as the ledger counts them.
        empty_runs: runs that brought nothing between the report before and this one.
    """

    source: str
    number: int
    kind: RunKind
    what: str
    state: Literal["done", "refused"] = "done"
    is_partial: bool = False
    begun_us: int
    ended_us: int
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    by_rule: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    rows: int = 0
    columns: dict[str, ColumnStats] = {}
    is_cut: bool = False
    times: tuple[str, ...] = ()
    total: int = 0
    empty_runs: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def read(self) -> int:
        """All rows."""
        return self.delivered + self.rejected + self.dropped

    @property
    def rejected_share(self) -> float:
        """Of all rows; 0 where there are none."""
        return self.rejected / self.read if self.read else 0.0

    @property
    def is_whole(self) -> bool:
        """Whether its number of rows means something."""
        return not self.is_partial and self.state == "done" and self.kind != "stream"

    def null_rate(self, name: str) -> float:
        """Share of the rows without a value in a column; 1 of a column that isn't there, 0 where there are no rows."""
        column = self.columns.get(name)
        return 1 - (column.values if column else 0) / self.rows if self.rows else 0.0


def plain(report: Report) -> Mapping[str, object]:
    """As JSON has it, with what is computed."""
    content: dict[str, object] = msgspec.to_builtins(report)
    spreads = {name: {"null_rate": report.null_rate(name)} for name in report.columns}
    for name, column in report.columns.items():
        if column.numbers:
            spreads[name]["spread"] = column.numbers.spread
    computed = {"read": report.read, "rejected_share": report.rejected_share, "computed": spreads}
    return {**content, **computed}
