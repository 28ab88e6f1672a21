"""Asks a database about itself: the table, its types, its publication, and whether it can be read at all."""

from collections.abc import Sequence

from headrace.errors import ConfigurationError
from ingest_sources.changes.change_stream import ANEW
from ingest_sources.changes.column_types import KINDS, ColumnType, Kind
from ingest_sources.changes.link import Link, Waiting
from ingest_sources.changes.link_errors import DENIED
from ingest_sources.changes.names import quoted_name
from ingest_sources.changes.table import Column, Table

_OLDEST = 130_000
_BY_ROOT = "SET (publish_via_partition_root)"
_SERVER = """
SELECT current_setting('server_version_num'), current_setting('wal_level'), pg_is_in_recovery(),
    current_setting('server_encoding')
"""
_TABLE = """
SELECT c.oid, c.relkind, c.relreplident, has_table_privilege(c.oid, 'SELECT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
"""
_COLUMNS = """
SELECT attname, atttypid FROM pg_attribute
WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_KEY = """
SELECT a.attname, a.atttypid
FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = $1::oid AND i.indislive AND k.place <= i.indnkeyatts
    AND CASE WHEN $2 = 'i' THEN i.indisreplident ELSE i.indisprimary END
ORDER BY k.place
"""
# A domain is the type below it; an array's type says that of its elements.
_TYPES = """
WITH RECURSIVE below AS (
    SELECT oid AS asked, oid, typtype, typbasetype, typelem, typcategory, typlen FROM pg_type
        WHERE oid = ANY (string_to_array($1, ',')::oid[])
    UNION ALL
    SELECT b.asked, t.oid, t.typtype, t.typbasetype, t.typelem, t.typcategory, t.typlen
        FROM below b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
)
SELECT b.asked, b.oid, CASE WHEN b.typcategory = 'A' AND b.typlen = -1 AND e.typdelim = ',' THEN b.typelem END
FROM below b LEFT JOIN pg_type e ON e.oid = b.typelem WHERE b.typtype <> 'd'
"""
# As an object, since columns of this view were added by later releases.
_PUBLISHED = """
SELECT t.schemaname IS NOT NULL, to_jsonb(t) ->> 'rowfilter',
    (SELECT string_agg(name, chr(10)) FROM jsonb_array_elements_text(CASE
        WHEN jsonb_typeof(to_jsonb(t) -> 'attnames') = 'array' THEN to_jsonb(t) -> 'attnames' ELSE '[]' END) AS name)
FROM pg_publication p
LEFT JOIN pg_publication_tables t ON t.pubname = p.pubname AND t.schemaname = $2 AND t.tablename = $3
WHERE p.pubname = $1
"""


def check_server(link: Link) -> Waiting[None]:
    """That changes can be read from the server.

    Raises:
        ConfigurationError: says what to set.
    """
    ((version, wal_level, is_standby, encoding),) = yield from link.rows(_SERVER)
    if int(version or 0) < _OLDEST:
        raise ConfigurationError(f"PostgreSQL {version} is too old: 13 is the first that can be read")
    if wal_level != "logical":
        raise ConfigurationError(
            f"wal_level of the server is {wal_level}: set wal_level = logical in postgresql.conf (or by ALTER SYSTEM) "
            "and restart it"
        )
    if is_standby == "t":
        raise ConfigurationError("the server is a standby: name the primary in `url`")
    if encoding != "UTF8":
        raise ConfigurationError(f"the database's encoding is {encoding}; UTF8 alone can be read")


def read_table(link: Link, name: str) -> Waiting[Table]:
    """What the catalogue says of a table.

    Args:
        name: `schema.table`.

    Raises:
        ConfigurationError: there is none that can be read.
    """
    schema, _, table = name.partition(".")
    found = yield from link.rows(_TABLE, schema, table)
    if not found:
        raise ConfigurationError(f"there is no table {name} in the database")
    ((oid, kind, identity, may_read),) = found
    if kind not in ("r", "p"):
        raise ConfigurationError(f"{name} is no table: a view or a foreign table has no changes")
    if may_read != "t":
        raise ConfigurationError(f"{name} can't be read: GRANT SELECT ON {name} to the user of `url`")
    columns = yield from link.rows(_COLUMNS, str(oid))
    keys = yield from link.rows(_KEY, str(oid), str(identity))
    types = yield from read_types(link, [int(column or 0) for _, column in (*columns, *keys)])
    named = [tuple(Column(str(c), types[int(t or 0)]) for c, t in some) for some in (columns, keys)]
    return Table(int(oid or 0), schema, table, kind == "p", str(identity), *named)


def read_types(link: Link, oids: Sequence[int]) -> Waiting[dict[int, ColumnType]]:
    """Types by OID; one that is not there any more is text."""
    rows = yield from link.rows(_TYPES, ",".join(map(str, {0, *oids})))
    found = {oid: ColumnType(oid) for oid in oids}
    for asked, oid, element in rows:
        kind = KINDS.get(int(element or oid or 0), Kind.TEXT)
        found[int(asked or 0)] = ColumnType(int(oid or 0), kind, element is not None)
    return found


def check_identity(table: Table, has_snapshot: bool) -> None:
    """That changes say which row they are of.

    Raises:
        ConfigurationError: says what to do.
    """
    key = ", ".join(column.name for column in table.key)
    if table.identity == "n" or (table.identity in "di" and not table.key):
        raise ConfigurationError(
            f"{table.place} has no replica identity, so updates and deletes can't be told: give it a primary key, or "
            f"ALTER TABLE {table.place} REPLICA IDENTITY {'DEFAULT' if key else 'FULL'}"
        )
    if has_snapshot and not table.key:
        raise ConfigurationError(
            f"{table.place} has no primary key, by which its snapshot is read: give it one, or say `snapshot: false`"
        )


def publish(link: Link, name: str, table: Table, may_create: bool) -> Waiting[Table]:
    """Makes the publication where there is none; gives the table with the columns that are published.

    Args:
        may_create: nothing was read yet; a publication that is made later has not the changes of before.

    Raises:
        ConfigurationError: it can't be made or doesn't fit; says what to do.
    """
    asked = (name, table.schema, table.name)
    found = yield from link.rows(_PUBLISHED, *asked)
    if not found and not may_create:
        raise ConfigurationError(f"publication {name} was dropped: changes since then can't be read. {ANEW}")
    if not found:
        yield from _create(link, name, table)
        found = yield from link.rows(_PUBLISHED, *asked)
    ((has_table, row_filter, columns),) = found
    sql_name = f"{quoted_name(table.schema)}.{quoted_name(table.name)}"
    if has_table != "t":
        raise ConfigurationError(
            f"publication {name} does not have {table.place} (or only its partitions): run ALTER PUBLICATION "
            f"{quoted_name(name)} ADD TABLE {sql_name}"
            + (f"; ALTER PUBLICATION {quoted_name(name)} {_BY_ROOT}" if table.is_partitioned else "")
        )
    if row_filter is not None:
        raise ConfigurationError(
            f"publication {name} filters the rows of {table.place}, which the snapshot would not: use a rule `filter` "
            "or another publication"
        )
    names = columns.split("\n") if columns else [column.name for column in table.columns]
    kept = tuple(column for column in table.columns if column.name in names)
    if missing := [column.name for column in table.key if column not in kept]:
        raise ConfigurationError(
            f"publication {name} leaves out {', '.join(missing)}, of the key of {table.place}: add it"
        )
    return Table(table.oid, table.schema, table.name, table.is_partitioned, table.identity, kept, table.key)


def _create(link: Link, name: str, table: Table) -> Waiting[None]:
    root = " WITH (publish_via_partition_root = true)" if table.is_partitioned else ""
    sql = (
        f"CREATE PUBLICATION {quoted_name(name)} FOR TABLE {quoted_name(table.schema)}.{quoted_name(table.name)}{root}"
    )
    try:
        yield from link.rows(sql)
    except ConfigurationError as error:
        if f"[{DENIED}]" not in str(error):
            raise
        raise ConfigurationError(
            f"there is no publication {name}, and the user may not make it. As the owner of the table run: {sql}"
        ) from error
