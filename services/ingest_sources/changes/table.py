"""A table of PostgreSQL as its catalogue describes it."""

from dataclasses import dataclass

from ingest_sources.changes.column_types import ColumnType


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class Table:
    """Attributes:
    is_partitioned: its rows are in other tables, whose changes come as its own.
    identity: by what changes name a row: `d` the primary key, `i` another index, `f` all columns, `n` nothing.
    columns: those that are sent.
    key: the columns of the primary key, or of the index that is the identity, in its order; empty if there is none.
    """

    oid: int
    schema: str
    name: str
    is_partitioned: bool
    identity: str
    columns: tuple[Column, ...]
    key: tuple[Column, ...]

    @property
    def place(self) -> str:
        """Its name, as people write it."""
        return f"{self.schema}.{self.name}"
