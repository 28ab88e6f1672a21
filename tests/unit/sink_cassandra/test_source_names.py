"""Names of sources' columns and tables in Cassandra."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.topics import load_topics
from sink_cassandra.sources.names import KEY, NOT_OWN, column_of, quoted, table_of

NAMES = st.text(max_size=8) | st.text("_kyeclumndigst", max_size=20) | st.text(min_size=150, max_size=250)


@given(st.sets(NAMES, max_size=20))
@example({"", "__column_", "__column___column_", KEY, "_", "__"})
def test_no_two_columns_share_a_name_and_none_is_the_keys(names: set[str]) -> None:
    columns = {column_of(name) for name in names}
    assert len(columns) == len(names)
    assert KEY not in columns and "" not in columns
    assert all(len(column.encode()) <= 210 for column in columns)


def test_topics_that_are_headraces_own_are_left_out() -> None:
    assert set(NOT_OWN) == {name for name in load_topics() if name.startswith("sources.")}


@pytest.mark.parametrize("name", ["amount", "Total", "_id", 'say "hi"'])
def test_an_ordinary_name_is_kept(name: str) -> None:
    assert column_of(name) == name


def test_a_quote_in_a_name_ends_no_name() -> None:
    assert quoted('a") VALUES (1); --') == '"a"") VALUES (1); --"'


def test_a_topic_of_forty_characters_fits_a_tables_name() -> None:
    assert table_of("sources." + "x" * 40) == "source_" + "x" * 40


@pytest.mark.parametrize(
    "topic", [*NOT_OWN, "sources.", "sources.Big", "sources." + "x" * 41, "readings.clean", "sources.a\n"]
)
def test_any_other_topic_has_no_table(topic: str) -> None:
    with pytest.raises(ValueError, match="no topic of a source's own"):
        table_of(topic)
