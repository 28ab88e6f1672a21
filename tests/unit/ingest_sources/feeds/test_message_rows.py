"""Messages become rows with one type a column, however odd their neighbours are, in bounded memory."""

import json

from ingest_sources.feeds.message_rows import json_rows
from ingest_sources.rows import ROW


def bodies(*values: object) -> list[tuple[int, bytes]]:
    return [(number, json.dumps(value).encode()) for number, value in enumerate(values, 1)]


def test_column_keeps_its_type_beside_a_message_that_has_another() -> None:
    found = json_rows(bodies({"a": 1}, {"a": 2.5}, {"a": "x"}, {"a": 3, "b": None}))
    assert [rows.table.to_dicts() for rows in found] == [
        [{ROW: 1, "a": 1.0}, {ROW: 2, "a": 2.5}],
        [{ROW: 3, "a": "x"}],
        [{ROW: 4, "a": 3}],
    ]
    assert [rows.end for rows in found] == [2, 3, 4]


def test_body_that_is_no_object_is_a_bad_row_in_its_place() -> None:
    found = json_rows([*bodies({"a": 1}), (2, b"<a/>"), *[(3, b'{"a": "x"}')], (4, b"[1]")])
    assert [(row.number, row.original) for rows in found for row in rows.bad] == [(2, b"<a/>"), (4, b"[1]")]
    assert [rows.table[ROW].to_list() for rows in found] == [[1], [3]]
    assert found[-1].end == 4


def test_names_without_end_make_no_large_tables() -> None:
    """20,000 rows with a name each would be 400 million cells."""
    found = json_rows(bodies(*({f"k{number}": number} for number in range(20_000))))
    assert sum(rows.table.height for rows in found) == 20_000
    assert sum(rows.table.height * rows.table.width for rows in found) < 15_000_000
    nulls = json_rows(bodies(*({f"k{number}": None} for number in range(20_000))))
    assert [(rows.table.height, rows.table.width) for rows in nulls] == [(20_000, 1)]


def test_rows_alike_stay_together() -> None:
    assert len(json_rows(bodies(*({f"c{name}": name for name in range(100)} for _ in range(5_000))))) == 1
