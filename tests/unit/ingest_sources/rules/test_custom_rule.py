"""custom: what a function of the operator's may do to a table, and what it is told where it does something else."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from headrace.errors import ConfigurationError, Reason, TransientError
from ingest_sources.rows import ROW
from ingest_sources.rules.apply import Cleansed
from ingest_sources.rules.steps import Refused, Step
from tests.unit.ingest_sources.rules.cleansing import details, rows, rule_set

RULE = "- custom: {function: my_rules.clean, options: {to: [x]}}"
Function = Callable[..., Any]
ODD: Any = ("odd",)


def cleansed_by(function: Function, rule: str = RULE, personal: tuple[str, ...] = (), **columns: Any) -> Cleansed:
    rules = rule_set(rule, None, personal, functions={"my_rules.clean": function})
    return rules.apply(rows(columns or {"a": ["p", "q", "r"]}))


def test_its_result_goes_on_and_rows_that_it_leaves_out_count_as_dropped() -> None:
    def clean(table: pl.DataFrame, to: list[str]) -> pl.DataFrame:
        return table.filter(pl.col("a") != "q").with_columns(b=pl.lit(to[0]))

    cleansed = cleansed_by(clean)
    assert list(cleansed.table.iter_rows()) == [(1, "p", "x"), (3, "r", "x")]
    assert (cleansed.bad, cleansed.counts) == ((), {"1 custom": 1})


def test_a_step_refuses_rows_in_its_own_words() -> None:
    def clean(table: pl.DataFrame, to: list[str]) -> Step:
        return Step(table.head(1), (Refused(3, "no name", Reason.REFUSED_BY_RULE),))

    cleansed = cleansed_by(clean)
    assert cleansed.table[ROW].to_list() == [1]
    assert details(cleansed) == {3: "custom: my_rules.clean: no name"}
    assert cleansed.counts == {"1 custom": 2}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (lambda table: None, "gives NoneType, not a polars DataFrame"),
        (lambda table: table.lazy(), "gives LazyFrame"),
        (lambda table: table.drop(ROW), "takes the column __row__ away"),
        (lambda table: table.with_columns(pl.col(ROW).cast(pl.Int32)), "changes __row__"),
        (lambda table: table.with_columns(pl.lit(None, pl.Int64).alias(ROW)), "changes __row__"),
        (lambda table: table.with_columns(pl.col(ROW) + 1), "was not given: __row__ 4$"),
        (lambda table: pl.concat([table, table]), "a row twice"),
        (lambda table: table.reverse(), "order"),
        (
            lambda table: Step(table, (Refused(1, "x", Reason.REFUSED_BY_RULE),)),
            "it passes or was not given: __row__ 1",
        ),
        (
            lambda table: Step(table, (Refused(9, "x", Reason.REFUSED_BY_RULE),)),
            "it passes or was not given: __row__ 9",
        ),
        (lambda table: Step(table.clear(), (Refused(1, "x", Reason.REFUSED_BY_RULE),) * 2), "refuses a row twice"),
        (lambda table: Step(table.clear(), ODD), "something else than `Refused`s"),
        (lambda table: Step(table.clear(), (Refused(1, "x", *ODD),)), "known Reason"),
    ],
)
def test_what_is_no_part_of_the_table_is_told(result: Function, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"rule 1 custom: my_rules.clean .*{said}"):
        cleansed_by(lambda table, to: result(table))


def test_a_failure_is_told_with_its_line() -> None:
    def clean(table: pl.DataFrame, to: list[str]) -> pl.DataFrame:
        return table.select(pl.col("a").str.to_integer())

    with pytest.raises(
        ConfigurationError, match=r"my_rules.clean failed in line \d+ of .*test_custom_rule.py: ComputeError: strict"
    ):
        cleansed_by(clean)


def test_a_failure_over_personal_values_shows_none() -> None:
    def clean(table: pl.DataFrame, to: list[str]) -> pl.DataFrame:
        raise ValueError(table["a"][0])

    with pytest.raises(ConfigurationError, match="ValueError, whose text is not shown") as caught:
        cleansed_by(clean, personal=("a",), a=["ann"])
    assert "ann" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="ValueError: ann"):
        cleansed_by(clean, a=["ann"])


def test_a_function_may_ask_for_another_try() -> None:
    def clean(table: pl.DataFrame, to: list[str]) -> pl.DataFrame:
        raise TransientError("later")

    with pytest.raises(TransientError, match="later"):
        cleansed_by(clean)


def test_neither_rows_nor_options_can_be_changed_in_place() -> None:
    def clean(table: pl.DataFrame, to: list[str]) -> Step:
        assert to == ["x"]
        to.append("y")
        table.drop_in_place("a")
        return Step(table.clear(), (Refused(1, "no", Reason.REFUSED_BY_RULE),))

    rules = rule_set(RULE, functions={"my_rules.clean": clean})
    for _ in range(2):
        (bad,) = rules.apply(rows({"a": ["p"]})).bad
        assert bad.original == b'{"a":"p"}'


def test_columns_that_it_names_must_be_there() -> None:
    with pytest.raises(ConfigurationError, match="no column 'b'"):
        cleansed_by(lambda table: table, "- custom: {function: my_rules.clean, columns: b}")


def test_a_function_that_is_not_loaded_is_found_before_the_first_row() -> None:
    with pytest.raises(ConfigurationError, match=r"my_rules\.clean is loaded: set INGEST_SOURCES_FUNCTIONS"):
        rule_set(RULE)
