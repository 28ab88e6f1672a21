"""Applies the migrations that are missing, one process at a time."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from headrace.cassandra import new_cluster
from headrace.cassandra_errors import translate
from headrace.errors import ConfigurationError, TransientError
from sink_cassandra.migration_files import Migration, load_migrations, replication_map, template_values
from sink_cassandra.settings import Settings

LEASE_S = 120
"""A lease outlives its owner's death by this at most; all migrations together take seconds."""
SCHEMA_TIMEOUT_S = 30.0
_KEYSPACE = "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}"
_LEASES = "CREATE TABLE IF NOT EXISTS {keyspace}.schema_lease (name text PRIMARY KEY, owner text)"
_APPLIED = (
    "CREATE TABLE IF NOT EXISTS {keyspace}.schema_migrations "
    "(number int PRIMARY KEY, name text, checksum text, applied timestamp)"
)
_READ_APPLIED = "SELECT number, checksum FROM {keyspace}.schema_migrations"
_MARK_APPLIED = (
    "INSERT INTO {keyspace}.schema_migrations (number, name, checksum, applied) VALUES (%s, %s, %s, toTimestamp(now()))"
)
_TAKE_LEASE = "INSERT INTO {keyspace}.schema_lease (name, owner) VALUES (%s, %s) IF NOT EXISTS USING TTL {seconds}"
_GIVE_LEASE = "DELETE FROM {keyspace}.schema_lease WHERE name = %s IF owner = %s"
_LEASE = "migrate"


def migrate(settings: Settings, migrations: list[Migration] | None = None) -> list[str]:
    """Applies what is missing and returns the names; safe when several processes do it at once.

    Raises:
        TransientError: Cassandra does not answer, or another process migrates for longer than a lease.
        ConfigurationError: a migration that was applied has changed since, or a setting is wrong.
    """
    chosen = load_migrations() if migrations is None else migrations
    cluster = new_cluster(settings, settings.write_timeout_s)
    try:
        return _migrate(cluster.connect(), settings, chosen)
    except Exception as error:
        raise translate(error) from error
    finally:
        cluster.shutdown()


def _migrate(session: Session, settings: Settings, migrations: list[Migration]) -> list[str]:
    keyspace = settings.keyspace
    replication = replication_map(settings.replication)
    for statement in (_KEYSPACE, _LEASES, _APPLIED):
        execute(session, statement.format(keyspace=keyspace, replication=replication))
    with lease(session, keyspace, LEASE_S):
        found = execute(session, _READ_APPLIED.format(keyspace=keyspace))
        missing = _missing(migrations, {row.number: row.checksum for row in found})
        for migration in missing:
            _apply(session, settings, migration)
        _set_options(session, settings)
        return [migration.name for migration in missing]


def _missing(migrations: list[Migration], applied: dict[int, str]) -> list[Migration]:
    for migration in migrations:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise ConfigurationError(
                f"migration {migration.name} has changed since it was applied; write the change as a new one"
            )
    return [migration for migration in migrations if migration.number not in applied]


def _apply(session: Session, settings: Settings, migration: Migration) -> None:
    for statement in migration.statements(template_values(settings)):
        execute(session, statement)
    marked = (migration.number, migration.name, migration.checksum)
    execute(session, _MARK_APPLIED.format(keyspace=settings.keyspace), marked)


def _set_options(session: Session, settings: Settings) -> None:
    """Brings times to live that were set since a table was made; rows keep the one that they were written with."""
    values = template_values(settings)
    tables = {"readings": "readings", "windows": "windows"}
    tables |= dict.fromkeys(("anomalies_by_device", "anomalies_by_hour", "anomalies_by_id"), "anomalies")
    tables |= {"subject_records": "subjects"}
    found = execute(
        session,
        "SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name = %s",
        (settings.keyspace,),
    )
    for row in found:
        what = tables.get(row.table_name)
        if what and str(row.default_time_to_live) != values[f"{what}_ttl_seconds"]:
            execute(
                session,
                f"ALTER TABLE {settings.keyspace}.{row.table_name} WITH compaction = {values[f'{what}_compaction']} "
                f"AND default_time_to_live = {values[f'{what}_ttl_seconds']}",
            )


@contextmanager
def lease(session: Session, keyspace: str, longest_wait: float) -> Iterator[None]:
    """Keeps all others from changing tables.

    Raises:
        TransientError: another process has been at it for `longest_wait` seconds.
    """
    owner = str(uuid.uuid4())
    deadline = time.monotonic() + longest_wait
    take = _TAKE_LEASE.format(keyspace=keyspace, seconds=LEASE_S)
    while not execute(session, take, (_LEASE, owner)).was_applied:
        if time.monotonic() > deadline:
            raise TransientError("another process has been migrating for too long; try again")
        time.sleep(0.2)
    try:
        yield
    finally:
        execute(session, _GIVE_LEASE.format(keyspace=keyspace), (_LEASE, owner))


def execute(session: Session, statement: str, values: tuple[object, ...] | None = None) -> Any:
    """Runs a statement about tables; one that changes them returns when all nodes know, or says that they don't."""
    prepared = SimpleStatement(statement, consistency_level=ConsistencyLevel.QUORUM)
    return session.execute(prepared, values, timeout=SCHEMA_TIMEOUT_S)
