"""What a part of a run adds to its report."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest_sources.quality.column_stats import TableStats


@dataclass(frozen=True)
class PartQuality:
    """Rows by what became of them, and the columns of those that passed all rules.

    Attributes:
        by_rule: position and name of a rule → rows that it refused or dropped.
        by_reason: reason of dead letters → rows.
    """

    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    by_rule: Mapping[str, int] = field(default_factory=dict)
    by_reason: Mapping[str, int] = field(default_factory=dict)
    table: TableStats = field(default_factory=TableStats)

    @property
    def read(self) -> int:
        """All rows."""
        return self.delivered + self.rejected + self.dropped

    def merged(self, other: "PartQuality") -> "PartQuality":
        """Both."""
        return PartQuality(
            self.delivered + other.delivered,
            self.rejected + other.rejected,
            self.dropped + other.dropped,
            Counter(self.by_rule) + Counter(other.by_rule),
            Counter(self.by_reason) + Counter(other.by_reason),
            self.table.merged(other.table),
        )
