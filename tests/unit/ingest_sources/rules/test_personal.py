"""Personal values are in no dead letter, neither in its original nor in what it says, whatever the rules call them."""

import json

import polars as pl

from headrace.errors import Reason
from ingest_sources.rows import BadRow
from ingest_sources.rules.apply import Cleansed
from ingest_sources.rules.pseudonyms import Key
from tests.unit.ingest_sources.rules.cleansing import rows, rule_set

KEYS = {"customers": (Key("v1", b"a key of more than 16 bytes"),)}
ANN = "ann@example.org"
RULES = """
- rename: {E-Mail: mail}
- match: {column: mail, regex: "^[a-z]+$"}
- pseudonymise: {columns: [mail], key: customers}
- range: {column: age, max: 150}
"""


def cleansed(rules: str = RULES, *, mail: str = ANN, age: int = 30, personal: tuple[str, ...] = ()) -> Cleansed:
    return rule_set(rules, KEYS, personal).apply(rows({"E-Mail": [mail], "age": [age]}))


def test_refusal_by_another_column_hides_what_is_pseudonymised_later() -> None:
    (bad,) = cleansed(mail="ann", age=200).bad
    assert json.loads(bad.original) == {"E-Mail": "(personal)", "age": 200}
    assert "age is 200" in bad.detail


def test_refusal_by_the_personal_column_names_it_and_shows_no_value() -> None:
    (bad,) = cleansed().bad
    assert ANN not in bad.detail and "mail" in bad.detail
    assert ANN.encode() not in bad.original


def test_column_that_the_source_names_is_hidden_too() -> None:
    (bad,) = cleansed("- cast: {others: integer}", personal=("E-Mail",)).bad
    assert ANN not in bad.detail
    assert ANN.encode() not in bad.original


def test_row_that_could_not_be_read_keeps_no_text() -> None:
    line = BadRow(1, Reason.MALFORMED_ROW, "3 cells, 2 expected", f"{ANN},1,2".encode())
    for rules, personal in ((RULES, ()), ("- trim: all", ("E-Mail",))):
        (bad,) = rule_set(rules, KEYS, personal).apply(rows({"E-Mail": [], "age": []}, (line,))).bad
        assert bad.original == b""
        assert "3 cells" in bad.detail and "its file" in bad.detail


def test_object_where_a_personal_text_was_is_refused_and_not_shown() -> None:
    nested = rows({"mail": [None, ANN], "mail.work": [ANN, None], "age": [30, 30]})
    result = rule_set("- pseudonymise: {columns: [mail], key: customers}", KEYS).apply(nested)
    (bad,) = result.bad
    assert (bad.number, ANN.encode() in bad.original, ANN in bad.detail) == (1, False, False)
    assert "mail" in bad.detail
    assert result.table["mail"].to_list()[0].startswith("v1:")


def test_error_of_polars_shows_its_values_only_where_none_is_personal() -> None:
    error = pl.exceptions.InvalidOperationError(f"conversion from str to i64 failed: [{ANN!r}]")
    assert ANN not in rule_set(RULES, KEYS).discreet(error)
    assert ANN in rule_set("- trim: all").discreet(error)


def test_source_without_personal_columns_keeps_everything() -> None:
    (bad,) = cleansed("- range: {column: age, max: 10}").bad
    assert json.loads(bad.original) == {"E-Mail": ANN, "age": 30}
