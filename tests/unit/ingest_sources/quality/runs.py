"""Reports of made-up runs."""

import random
from typing import Any

import polars as pl

from ingest_sources.quality.column_stats import table_stats
from ingest_sources.quality.report import Report
from ingest_sources.rules.personal import IsHidden

SOURCE = "orders"


class Sender:
    """Whoever sends the rows: stable, unless something is changed for a run."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._number = 0
        self._sold = 0

    def run(self, rows: int | None = None, **changes: Any) -> Report:
        """A report of the next run.

        Args:
            rejected: share of the rows that are refused.
            changes: column → the values, or a function that makes one.
        """
        chance = self._chance
        read = rows if rows is not None else max(1, round(chance.gauss(2_000, 150)))
        share = changes.pop("rejected", 0.01)
        rejected = sum(chance.random() < share for _ in range(read))
        self._number += 1
        table = pl.DataFrame({name: self._values(name, read - rejected, changes) for name in [*_MAKES, *changes]})
        stats = table_stats(table.select(column for column in table if column.dtype != pl.Null), IsHidden(()))
        self._sold += read
        return Report(
            source=SOURCE,
            number=self._number,
            kind="file",
            what=f"{self._number}.csv",
            begun_us=self._number * 3_600_000_000,
            ended_us=self._number * 3_600_000_000 + 60_000_000,
            delivered=read - rejected,
            rejected=rejected,
            rows=stats.rows,
            columns=dict(stats.columns),
        )

    def _values(self, name: str, count: int, changes: dict[str, Any]) -> list[Any]:
        if name == "id":
            return [self._sold + at for at in range(count)]
        make = changes.get(name, _MAKES.get(name))
        return [make(self._chance) if callable(make) else make for _ in range(count)]


_MAKES: dict[str, Any] = {
    "id": None,
    "temperature": lambda chance: chance.gauss(21, 3),
    "price": lambda chance: chance.lognormvariate(3, 0.8),
    "count": lambda chance: chance.choice([1, 1, 1, 1, 2, 2, 3, 12]),
    "humidity": lambda chance: None if chance.random() < 0.3 else chance.uniform(20, 90),
    "town": lambda chance: chance.choice("abc"),
    "note": lambda chance: "x" if chance.random() < 0.001 else None,
    "is_paid": lambda chance: chance.random() < 0.9,
}


def stable(sender: Sender, count: int) -> list[Report]:
    """So many runs of a sender without change."""
    return [sender.run() for _ in range(count)]
