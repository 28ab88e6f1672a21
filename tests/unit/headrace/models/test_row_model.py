"""Rows of a model: what fits, what is refused and how it is named, what was not in training."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from headrace.models.inputs import Input
from headrace.models.row_model import RowModel, RowRefused
from tests.served_models import INPUTS, ROW

MODEL = RowModel("usage", INPUTS)


def refusals(row: object, model: RowModel = MODEL) -> dict[str, str]:
    """Field → what is wrong."""
    with pytest.raises(RowRefused) as refused:
        model.read(row)
    assert all(fault.mend for fault in refused.value.faults)
    return {fault.name: fault.problem for fault in refused.value.faults}


def test_a_row_is_given_in_the_order_of_the_inputs_with_times_in_seconds() -> None:
    row = MODEL.read(dict(reversed(ROW.items())))
    assert list(row) == [field.name for field in INPUTS]
    assert row == {"Call  Failure": 3.0, "plan": "gold", "active": True, "since": 1_769_860_800.0}


@pytest.mark.parametrize("given", [1_769_860_800, 1_769_860_800_000, "1769860800", "2026-01-31T13:00:00+01:00"])
def test_a_time_may_be_an_epoch_number_or_iso(given: object) -> None:
    assert MODEL.read({**ROW, "since": given})["since"] == 1_769_860_800.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Call  Failure", "3"),
        ("Call  Failure", True),
        ("Call  Failure", None),
        ("Call  Failure", -0.5),
        ("Call  Failure", 100.5),
        ("Call  Failure", float("inf")),
        ("Call  Failure", 10**400),
        ("plan", None),
        ("plan", ""),
        ("plan", 2.0**60),
        ("plan", float("nan")),
        ("plan", [1]),
        ("plan", 10**30),
        ("active", 1),
        ("active", "true"),
        ("since", "2026-01-31T12:00:00"),
        ("since", "yesterday"),
        ("since", "1e9999999"),
        ("since", True),
        ("since", []),
    ],
)
def test_a_value_of_another_kind_is_refused_by_the_name_of_its_field(name: str, value: object) -> None:
    assert refusals({**ROW, name: value}).keys() == {name}


@pytest.mark.parametrize(
    ("given", "text"), [(7, "7"), (7.0, "7"), (-0.0, "0"), (1.5, "1.5"), (True, "true"), (False, "false"), ("x", "x")]
)
def test_a_category_is_a_text_however_it_is_given(given: object, text: str) -> None:
    assert MODEL.read({**ROW, "plan": given})["plan"] == text
    assert Draft202012Validator(MODEL.json_schema()).is_valid({**ROW, "plan": given})


def test_a_refusal_says_what_to_give() -> None:
    with pytest.raises(RowRefused) as refused:
        MODEL.read({**ROW, "plan": None, "active": "yes"})
    assert str(refused.value) == (
        "plan: it has no value, and the model needs one; give a text, or a number or boolean that stands for one; "
        "active: input should be a valid boolean; give true or false"
    )


def test_of_a_table_s_row_the_inputs_are_picked_and_what_is_missing_has_no_value() -> None:
    given = {name: value for name, value in ROW.items() if name != "since"}
    assert MODEL.pick({**given, "more": [1, 2]}) == {**MODEL.read(ROW), "since": None}
    with pytest.raises(RowRefused, match="plan: it has no value"):
        MODEL.pick({name: value for name, value in ROW.items() if name != "plan"})


def test_a_missing_column_is_refused_even_where_it_may_be_null() -> None:
    assert MODEL.read({**ROW, "since": None})["since"] is None
    assert refusals({name: value for name, value in ROW.items() if name != "since"}) == {"since": "it is missing"}


def test_an_unknown_field_is_refused() -> None:
    assert refusals({**ROW, "Call Failure": 3}).keys() == {"Call Failure"}


@pytest.mark.parametrize("given", [None, [], "row", 3])
def test_what_is_no_object_is_refused(given: object) -> None:
    assert refusals(given).keys() == {"row"}


@pytest.mark.parametrize("name", ["model_config", "class", "__init__", "a.b", "schema", "größe", "rows", "id"])
def test_an_input_may_have_any_name(name: str) -> None:
    model = RowModel("odd", (Input(name, "number"),))
    assert model.read({name: 1}) == {name: 1.0}
    assert refusals({}, model).keys() == {name}


def test_a_level_that_training_has_not_seen_is_taken_and_told() -> None:
    model = RowModel("plans", (Input("plan", "category", nullable=True, levels=("1", "2")), Input("note", "text")))
    assert model.unseen(model.read({"plan": 1, "note": "x"})) == []
    assert model.unseen(model.read({"plan": "3", "note": "x"})) == ["plan"]
    assert model.unseen(model.read({"plan": None, "note": "x"})) == []


def test_the_json_schema_says_the_same() -> None:
    schema: dict[str, Any] = MODEL.json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(ROW)
    assert not validator.is_valid({**ROW, "Call  Failure": 101})
    assert not validator.is_valid({**ROW, "more": 1})
    assert not validator.is_valid({name: value for name, value in ROW.items() if name != "plan"})
