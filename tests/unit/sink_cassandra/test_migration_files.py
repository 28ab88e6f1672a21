"""Migrations as files."""

import re
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from sink_cassandra.migration_files import (
    load_migrations,
    replication_map,
    template_values,
    time_window_compaction,
)
from sink_cassandra.settings import Settings


def test_the_projects_migrations_have_every_setting_they_name() -> None:
    values = template_values(Settings())
    statements = [statement for migration in load_migrations() for statement in migration.statements(values)]
    # A migration that was killed half-way is done again.
    repeatable = r"CREATE (TABLE|TYPE) IF NOT EXISTS |ALTER TABLE \S+ ADD IF NOT EXISTS "
    assert all(re.match(repeatable, statement) for statement in statements)
    assert not any("$" in statement for statement in statements)


def test_statements_are_cut_at_semicolons_and_comments_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "001_a.cql").write_text("-- why; and how\nCREATE ${x} (\n  a int);\n\nCREATE two;")
    (migration,) = load_migrations(tmp_path)
    assert migration.statements({"x": "one"}) == ["CREATE one (\n  a int)", "CREATE two"]
    with pytest.raises(ConfigurationError, match="001_a"):
        migration.statements({})


@pytest.mark.parametrize("names", [["1_a.cql"], ["001_a.cql", "001_b.cql"]])
def test_a_name_that_breaks_the_order_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("CREATE one;")
    with pytest.raises(ConfigurationError, match="NNN_name"):
        load_migrations(tmp_path)


def test_replication_is_copies_by_data_centre() -> None:
    assert replication_map(("a:3", "b:2")) == "{'class': 'NetworkTopologyStrategy', 'a': '3', 'b': '2'}"
    for wrong in ("a", "a:0", "a:x", "a'b:1"):
        with pytest.raises(ConfigurationError, match="dc1:3"):
            replication_map((wrong,))


def test_compaction_windows_are_a_thirtieth_of_the_time_to_live() -> None:
    assert "'compaction_window_size': '24'" in time_window_compaction(30)
    assert "'compaction_window_size': '1'" in time_window_compaction(1)
