"""Migrations on the real Cassandra."""

from pathlib import Path

import pytest
from cassandra.cluster import Session

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError
from sink_cassandra.migrate import migrate
from sink_cassandra.migration_files import load_migrations
from sink_cassandra.settings import Settings
from tests.integration.sink_cassandra.sink_process import SinkProcess

pytestmark = pytest.mark.integration


def test_two_processes_at_once_apply_each_migration_once(stack: Stack, tmp_path: Path, session: Session) -> None:
    sink = SinkProcess(stack, tmp_path, "sink_migrate_twice")
    try:
        processes = [sink.migrate() for _ in range(2)]
        assert [process.wait(90) for process in processes] == [0, 0], sink.log.read_text()
        said = sink.log.read_text()
        assert said.count("001_readings") == 1
        assert said.count("all migrations are applied") == 1
    finally:
        session.execute(f"DROP KEYSPACE IF EXISTS {sink.keyspace}", timeout=60)


def test_a_changed_migration_is_refused_and_a_changed_time_to_live_is_set(
    stack: Stack, sink: SinkProcess, session: Session, tmp_path: Path
) -> None:
    settings = Settings(cassandra_port=stack.ports.cassandra, keyspace=sink.keyspace, readings_ttl_days=3)
    assert migrate(settings) == []
    query = "SELECT default_time_to_live FROM system_schema.tables WHERE keyspace_name = %s AND table_name = 'readings'"
    assert session.execute(query, (sink.keyspace,)).one().default_time_to_live == 3 * 86_400
    (tmp_path / "001_readings.cql").write_text("CREATE another;")
    with pytest.raises(ConfigurationError, match="has changed since"):
        migrate(settings, load_migrations(tmp_path))


def test_without_tables_the_sink_says_what_to_run(stack: Stack, tmp_path: Path) -> None:
    sink = SinkProcess(stack, tmp_path, "sink_without_tables")
    sink.start()
    assert sink.process is not None
    assert sink.process.wait(60) == 1
    assert "python -m sink_cassandra migrate" in sink.log.read_text()
