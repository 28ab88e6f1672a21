"""Feature tables: the newest row at or before the row's time, never one from later."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.data.making import frozen, rows_of

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Row = dict[str, Any]


def joined(folder: Path, rows: list[Row], table: list[Row], time: str | None = "at", **join: Any) -> list[Row]:
    """Rows joined with a table on `k`."""
    one = {"from": {"files": "table.parquet"}, "on": "k", **({"time": "since"} if time else {}), **join}
    data = {"files": "rows.parquet", "label": "y", "time": time, "join": [one]}
    return rows_of(frozen(folder, data, rows=rows, table=table))


def test_a_row_gets_what_was_known_at_its_time(tmp_path: Path) -> None:
    table: list[Row] = [
        {"k": "a", "since": T0 + 5 * DAY, "plan": "new"},
        {"k": "a", "since": T0, "plan": "old"},
        {"k": "b", "since": T0, "plan": "other"},
        {"k": None, "since": T0, "plan": "nobody's"},
    ]
    rows: list[Row] = [
        {"k": "a", "at": T0 + 5 * DAY, "y": 1},
        {"k": "a", "at": T0 + 5 * DAY - timedelta(microseconds=1), "y": 2},
        {"k": "a", "at": T0 - DAY, "y": 3},
        {"k": "c", "at": T0 + DAY, "y": 4},
        {"k": None, "at": T0 + DAY, "y": 5},
        {"k": "b", "at": T0 + DAY, "y": 6},
    ]

    found = joined(tmp_path, rows, table)

    assert [(row["y"], row["plan"]) for row in found] == [
        (1, "new"), (2, "old"), (3, None), (4, None), (5, None), (6, "other"),
    ]  # fmt: skip
    assert list(found[0]) == ["k", "at", "y", "plan"]


def test_a_feature_from_the_future_can_not_come_in(tmp_path: Path) -> None:
    """The table's later rows hold the label itself."""
    rows = [{"k": str(number), "at": T0, "y": number % 2} for number in range(20)]
    table = [{"k": row["k"], "since": T0 + DAY, "f": row["y"]} for row in rows]

    assert [row["f"] for row in joined(tmp_path, rows, table)] == [None] * 20


def test_of_rows_known_at_the_same_time_the_last_counts(tmp_path: Path) -> None:
    table = [{"k": 1, "since": T0, "f": number} for number in range(5)]

    assert joined(tmp_path, [{"k": 1, "at": T0, "y": 0}], table)[0]["f"] == 4


def test_rows_made_of_events_are_joined_as_of_their_cut(tmp_path: Path) -> None:
    events = [{"k": "a", "at": T0}, {"k": "a", "at": T0 + 90 * DAY}]
    table = [{"k": "a", "since": T0 + day * DAY, "f": day} for day in (0, 10, 11)]
    data = {
        "files": "events.parquet",
        "label": "gone",
        "events": {
            "entity": "k",
            "time": "at",
            "cuts": [T0 + 10 * DAY],
            "features": {"n": {"count": "*"}},
            "label": {"none_within": "60d"},
        },
        "join": [{"from": {"files": "table.parquet"}, "on": "k", "time": "since"}],
    }

    snapshot = frozen(tmp_path, data, events=events, table=table)

    assert [row["f"] for row in rows_of(snapshot)] == [10]
    assert len(snapshot.about.parents) == 2


def test_without_times_a_key_has_one_row(tmp_path: Path) -> None:
    rows = [{"k": "a", "y": 1}, {"k": "b", "y": 0}]

    assert [row["f"] for row in joined(tmp_path, rows, [{"k": "a", "f": 7}], time=None)] == [7, None]
    with pytest.raises(ConfigurationError, match="several rows of 'a' and no `time`"):
        joined(tmp_path, rows, [{"k": "a", "f": 7}, {"k": "a", "f": 8}], time=None)


@pytest.mark.parametrize(
    ("table", "join", "message"),
    [
        ([{"k": "a", "f": 1}], {}, "no column 'since'"),
        (
            [{"k": "a", "since": None, "f": 1}],
            {},
            r"'since' must hold each row's time.*row 1 has none",
        ),
        ([{"k": "a", "since": "later", "f": 1}], {}, "row 1 has 'later'"),
        ([{"k": "a", "since": T0, "y": 1}], {}, "'y' is a column already: `rename`"),
        ([{"k": "a", "since": T0}], {"columns": ["f"]}, "no column 'f'"),
        ([{"z": "a", "since": T0}], {"on": "z"}, "the rows have no column 'z'"),
    ],
)
def test_a_table_that_can_not_be_joined_is_refused(
    tmp_path: Path, table: list[Row], join: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        joined(tmp_path, [{"k": "a", "at": T0, "y": 1}], table, **join)


def test_rows_without_a_time_of_their_own_are_refused(tmp_path: Path) -> None:
    rows: list[Row] = [{"k": "a", "at": T0, "y": 1}, {"k": "a", "at": None, "y": 1}]

    with pytest.raises(ConfigurationError, match=r"'at' must hold each row's time.*row 2 has none"):
        joined(tmp_path, rows, [{"k": "a", "since": T0, "f": 1}])


@pytest.mark.parametrize("here", [[1.0, 2.0], [1, 2], ["1", "2"]])
@pytest.mark.parametrize("there", [[2.0, None], [2, None], ["2", None]])
def test_a_key_is_the_same_as_a_number_and_as_a_text(tmp_path: Path, here: list[Any], there: list[Any]) -> None:
    rows = [{"k": key, "at": T0, "y": 1} for key in here]
    table = [{"k": key, "since": T0, "f": 7} for key in there]

    assert [row["f"] for row in joined(tmp_path, rows, table)] == [None, 7]
    timeless = [{name: row[name] for name in ("k", "f")} for row in table]
    assert [row["f"] for row in joined(tmp_path, rows, timeless, time=None)] == [None, 7]


def test_keys_that_are_not_whole_or_very_large_stay_what_they_are(tmp_path: Path) -> None:
    rows = [{"k": key, "at": T0, "y": 1} for key in (1.5, 1e300, 2.0**53, -0.0)]
    table = [{"k": key, "since": T0, "f": key} for key in ("1.5", "9007199254740992", "0")]

    assert [row["f"] for row in joined(tmp_path, rows, table)] == ["1.5", None, "9007199254740992", "0"]


def test_a_join_in_which_no_row_has_a_key_of_the_table_is_refused(tmp_path: Path) -> None:
    rows = [{"k": f"c{number}", "at": T0, "y": 1} for number in range(9)]
    table = [{"k": number, "since": T0, "f": 7} for number in range(2)]

    with pytest.raises(
        ConfigurationError,
        match=r"join\.0\.on: no row has a key of the table: 'k' is 'c0', 'c1', 'c2' in the rows, and '0', '1' in the",
    ):
        joined(tmp_path, rows, table)
    with pytest.raises(ConfigurationError, match="'c2' in the rows, and never given in the table"):
        joined(tmp_path, rows, [{"k": None, "since": T0, "f": 7}])


def test_the_entity_of_events_is_a_key_too(tmp_path: Path) -> None:
    events = [{"k": 1.0, "at": T0}, {"k": 1.0, "at": T0 + 90 * DAY}]
    data = {
        "files": "events.parquet",
        "label": "gone",
        "events": {
            "entity": "k",
            "time": "at",
            "cuts": [T0 + 10 * DAY],
            "features": {"n": {"count": "*"}},
            "label": {"none_within": "60d"},
        },
        "join": [{"from": {"files": "table.parquet"}, "on": "k", "time": "since"}],
    }

    snapshot = frozen(tmp_path, data, events=events, table=[{"k": 1, "since": T0, "f": 7}])

    assert [(row["k"], row["f"]) for row in rows_of(snapshot)] == [("1", 7)]
