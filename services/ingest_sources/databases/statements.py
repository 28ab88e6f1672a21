"""The statements of a source; names are quoted and values bound by SQLAlchemy."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, MetaData, Select, Table, and_, func, literal, literal_column, or_, select, tuple_
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import NullType

from ingest_sources.databases import postgres_columns
from ingest_sources.databases.catalogue import Known
from ingest_sources.databases.database_source import DatabaseOptions
from ingest_sources.databases.key_values import Encoded, decode

_WITH_ROW_VALUES = ("postgresql", "sqlite", "mysql", "mariadb")
_COUNTED = 10_000


class Statements:
    """Args:
    dialect: its name, as SQLAlchemy has it.
    """

    def __init__(self, dialect: str, options: DatabaseOptions, known: Known) -> None:
        self._dialect = dialect
        names = dict.fromkeys((*known.kinds, *known.order))
        # Without their types nothing is done to what the driver gives.
        columns = [Column(name, NullType()) for name in names]
        self._table = Table(options.table, MetaData(), *columns, schema=options.schema_)
        self._cells = [self._cell(self._table.c[name], kind) for name, kind in known.kinds.items()]
        self._order = [self._table.c[name] for name in known.order]
        self._keys = [self._key(c, kind) for c, kind in zip(self._order, known.order_kinds, strict=True)]

    @property
    def keys_at(self) -> int:
        """Where in a row its key begins; the cells are before."""
        return len(self._cells)

    def rows(self, after: Sequence[Encoded] | None, bound: Encoded | None, is_below: bool) -> Select[Any]:
        """Cells and key of each row in order, behind a key.

        Args:
            bound: greatest mark; None where there is none.
            is_below: whether marks must be less than it.
        """
        statement = select(*self._cells, *self._keys).order_by(*self._order)
        if after is not None:
            statement = statement.where(self._is_behind([self._literal(value) for value in after]))
        if bound is not None:
            mark, limit = self._order[0], self._literal(bound)
            statement = statement.where(mark < limit if is_below else mark <= limit)
        return statement

    def greatest_mark(self) -> Select[Any]:
        mark = self._order[0]
        return select(self._keys[0]).where(mark.is_not(None)).order_by(mark.desc()).limit(1)

    def rows_without_mark(self) -> Select[Any]:
        """Counts them, up to some thousands."""
        found: Select[Any] = (
            select(literal_column("1")).select_from(self._table).where(self._order[0].is_(None)).limit(_COUNTED)
        )
        return select(func.count()).select_from(found.subquery())

    def _cell(self, column: ColumnElement[Any], kind: Any) -> ColumnElement[Any]:
        return postgres_columns.cell_of(column, kind) if self._dialect == "postgresql" else column

    def _key(self, column: ColumnElement[Any], kind: Any) -> ColumnElement[Any]:
        return postgres_columns.key_of(column, kind) if self._dialect == "postgresql" else column

    def _literal(self, encoded: Encoded) -> ColumnElement[Any]:
        value = decode(encoded)
        return postgres_columns.literal_of(value) if self._dialect == "postgresql" else literal(value)

    def _is_behind(self, values: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
        if len(values) == 1:
            return self._order[0] > values[0]
        if self._dialect in _WITH_ROW_VALUES:
            return tuple_(*self._order) > tuple_(*values)
        equal = [column == value for column, value in zip(self._order, values, strict=True)]
        greater = [column > value for column, value in zip(self._order, values, strict=True)]
        return or_(*(and_(*equal[:place], above) for place, above in enumerate(greater)))
