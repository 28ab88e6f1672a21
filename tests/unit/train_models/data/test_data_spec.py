"""What a model file may say of its data."""

from typing import Any

import pytest
from pydantic import ValidationError

from train_models.data.data_spec import Data

FILES: dict[str, Any] = {"files": "rows.csv", "label": "y"}
EVENTS: dict[str, Any] = {
    "entity": "user",
    "time": "at",
    "cuts": ["2026-01-01"],
    "features": {"n": {"count": "*"}},
    "label": {"none_within": "60d"},
}


def test_rows_have_one_source() -> None:
    for sources in ({}, {"files": "a.csv", "sql": {"url_variable": "URL", "query": "SELECT 1"}}):
        with pytest.raises(ValidationError, match="exactly one of files, topic, cassandra, sql, predictions"):
            Data.model_validate({"label": "y", **sources})


def test_a_query_only_reads() -> None:
    for query in ("DELETE FROM t", "SELECT 1; DROP TABLE t", "drop table t"):
        with pytest.raises(ValidationError, match="one query that begins with SELECT"):
            Data.model_validate({"label": "y", "sql": {"url_variable": "URL", "query": query}})


def test_a_feature_table_says_from_when_its_rows_are_known_where_rows_have_a_time() -> None:
    table = {"from": {"files": "table.csv"}, "on": "user"}
    with pytest.raises(ValidationError, match=r"join\.0\.time is missing.*features from the future"):
        Data.model_validate({**FILES, "time": "at", "join": [table]})
    with pytest.raises(ValidationError, match=r"join\.0\.time is missing"):
        Data.model_validate({**FILES, "events": EVENTS, "join": [table]})
    with pytest.raises(ValidationError, match="rows have no time to join as of"):
        Data.model_validate({**FILES, "join": [{**table, "time": "since"}]})
    assert Data.model_validate({**FILES, "time": "at", "join": [{**table, "time": "since"}]}).join[0].time == "since"


def test_rows_of_events_have_the_cut_as_time_and_the_entity_as_group() -> None:
    data = Data.model_validate({**FILES, "events": EVENTS})

    assert (data.row_time, data.row_group, data.row_id) == ("cut", "user", "user")
    with pytest.raises(ValidationError, match="have the time 'cut'"):
        Data.model_validate({**FILES, "events": EVENTS, "time": "at"})
    with pytest.raises(ValidationError, match="'n' is a feature"):
        Data.model_validate({**FILES, "label": "n", "events": EVENTS})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": {"n": {"count": "*", "sum": "x"}}}, "exactly one of count, sum"),
        ({"features": {"n": {"sum": "*"}}}, "can only be counted"),
        ({"features": {"n": {"count": "x", "times": "z"}}}, "can be multiplied"),
        ({"features": {"cut": {"count": "*"}}}, "the entity's name are taken"),
        ({"features": {"User": {"count": "*"}}}, "the entity's name are taken"),
        ({"features": {"n": {"count": "*", "within": "soon"}}}, "'soon' is no duration"),
        ({"features": {"n": {"count": "*", "within": "0d"}}}, "should be greater than"),
        ({"label": {"count": "*"}}, "how far it looks: within"),
        ({"label": {"none_within": "60d", "count": "*"}}, "none_within, or one aggregate"),
        ({"label": {"days_since_last": "*", "within": "5d"}}, "how far it looks"),
        ({"cuts": {"every": "1s", "from": "2020-01-01", "until": "2026-01-01"}}, "more than 10000 cuts"),
        ({"cuts": {"every": "1s", "from": "2026-01-02", "until": "2026-01-01"}}, "from is after until"),
    ],
)
def test_what_events_can_not_say(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Data.model_validate({**FILES, "events": {**EVENTS, **change}})


@pytest.mark.parametrize(("given", "shown"), [(1, "1"), (True, "True"), ("yes", "yes"), (2.5, "2.5")])
def test_the_positive_class_is_shown_as_it_was_given(given: object, shown: str) -> None:
    data = Data.model_validate({"files": "a.csv", "label": "y", "positive": given})

    assert str(data.positive) == shown
