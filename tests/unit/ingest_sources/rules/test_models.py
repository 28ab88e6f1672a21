"""A rule that can't work is refused when it is read, with the value and how to mend it."""

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from ingest_sources.rules.models import Range, Rule, read_rules

_EVERY_RULE = """
- rename: {"CO(GT)": co, "T": temperature}
- keep: [co, temperature, Date, Time]
- drop: Time
- trim: all
- trim: [a, b]
- case: {columns: [country], to: upper}
- missing: {values: ["-200", "", -200, 0.5], columns: [co]}
- missing: {values: ["NA"]}
- cast: {columns: {co: number, count: integer, "on": boolean, name: text}, decimal_comma: false, lenient: false}
- time: {from: [Date, Time], formats: ["%d/%m/%Y %H.%M.%S", iso, epoch], zone: Europe/Rome, into: time}
- time: {from: t, formats: ["%Y-%m-%dT%H:%M:%S%.f%z", "%d %b %y", "%Y%m%d%H%M%S", "%m/%d/%Y %I:%M %p", "%Y %j"]}
- unit: {column: temperature, multiply: 0.5556, add: -17.78}
- require: [device, time]
- allow: {column: status, values: [ok, error]}
- range: {column: temperature, min: -50, max: 60}
- match: {column: code, regex: "^[A-Z]{3}$"}
- check: {where: "low <= high", because: "low is above high"}
- derive: {total: "price * quantity"}
- fill: {column: value}
- unique: [order, line]
- unique: {columns: [order, line], within: 10000}
- lookup: {in: {file: regions.csv}, on: {region: id}, take: {name: region_name, tz: zone}, missing: refuse}
- lookup: {in: {topic: sites, key: "{site}/{device}"}, on: [site, device], take: [zone], missing: null}
- lookup: {in: {database: {url: "postgresql://a@b/c", table: t, password_secret: s}}, on: a, take: b, missing: keep}
- custom: {function: my_rules.clean_names, options: {to: upper}, columns: [name]}
- pseudonymise: {columns: [customer], key: customers}
- filter: "status <> 'test'"
"""


def _refusal(rule: str) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        read_rules(yaml.safe_load(rule))
    (error,) = caught.value.errors()
    return ".".join(map(str, error["loc"])), error["msg"]


def test_every_rule_is_read_by_its_key() -> None:
    content = yaml.safe_load(_EVERY_RULE)
    rules = read_rules(content)
    assert [rule.rule for rule in rules] == [key for item in content for key in item]


def test_a_model_of_a_source_can_hold_the_rules() -> None:
    class Source(BaseModel):
        rules: tuple[Rule, ...] = ()

    (rule,) = Source.model_validate({"rules": [{"range": {"column": "a", "min": 1}}]}).rules
    assert rule == Range(column="a", min=1)
    # Also when it is built from rules that are read already.
    assert Source(rules=(rule,)).rules == (rule,)


@pytest.mark.parametrize(
    "item", ["- shorten: [a]", "- {trim: all, keep: [a]}", "- unique", "- {}", "- {filter: a, foo: 1}"]
)
def test_an_unknown_rule_or_two_in_one_item_lists_the_known_ones(item: str) -> None:
    where, message = _refusal(item)
    assert where == "0"
    assert all(name in message for name in ("rename", "trim", "pseudonymise", "filter"))


def test_an_error_says_where_it_is() -> None:
    where, message = _refusal("- trim: all\n- range: {column: a, min: 1, maximum: 5}")
    assert where == "1.range.maximum"
    assert "not permitted" in message


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("range: 5", ["range is 5", "column, min, max"]),
        ("range: {column: a}", ["neither min nor max"]),
        ("range: {column: a, min: 3, max: 1}", ["min 3 is above max 1"]),
        ("unit: {column: a}", ["change no unit"]),
        ("rename: {a: c, b: c}", ["c is there more than once"]),
        ("keep: [a, a]", ["a is there more than once"]),
        ("keep: []", ["empty"]),
        ("missing: {values: []}", ["empty"]),
        ("match: {column: a, regex: '('}", ["'('", "unclosed group"]),
        ("match: {column: a, regex: 'a(?=b)'}", ["'a(?=b)'", "look-around"]),
        ("check: {where: 'low <=', because: x}", ["'low <='", "no SQL expression"]),
        ("derive: {a: 'frobnicate(b)'}", ["frobnicate", "no SQL expression"]),
        ("time: {from: a, formats: [iso], zone: Europe/Roma}", ["'Europe/Roma' is no time zone", "Europe/Rome"]),
        ("time: {from: a, formats: [iso], zone: ../etc/passwd}", ["is no time zone"]),
        ("time: {from: a, formats: [dd/mm/yyyy]}", ["'dd/mm/yyyy' has no %"]),
        ("time: {from: a, formats: ['%H:%M:%S']}", ["whole date"]),
        ("time: {from: a, formats: ['%m/%Y']}", ["whole date"]),
        ("time: {from: a, formats: ['%Y-%m-%d %I:%M']}", ["whole date"]),
        ("time: {from: a, formats: ['%Y-%m-%d %Q']}", ["known directives"]),
        ("time: {from: a, formats: ['%s']}", ["epoch"]),
        ("time: {from: a, formats: ['%Y-%m-%d %H:%M %Z']}", ["zone"]),
        ("cast: {columns: {on: boolean}}", ["quotes"]),
        ("missing: {values: [no]}", ["quotes"]),
        ("drop: __row__", ["row numbers"]),
        ("lookup: {on: a, take: b}", ["Field required"]),
        ("lookup: {in: {table: t}, on: a, take: b}", ["name a file, a topic or a database"]),
        ("lookup: {in: {file: f}, on: {a: x, b: x}, take: c}", ["x is there more than once"]),
        ("lookup: {in: {file: f}, on: a, take: {x: c, y: c}}", ["c is there more than once"]),
        ("lookup: {in: {file: f}, on: a, take: {x: a}}", ["a is both joined by and taken"]),
        ("lookup: {in: {topic: t, key: '{a}{b}'}, on: a, take: c}", ["nothing between"]),
        ("lookup: {in: {topic: t, key: '{a'}, on: a, take: c}", ["brace"]),
        ("lookup: {in: {database: {url: 'postgresql://a:pw@b/c', table: t}}, on: a, take: b}", ["password_secret"]),
        ("lookup: {in: {database: {url: b, table: t}}, on: a, take: b}", ["no address"]),
        ("unique: {columns: a, within: 0}", ["greater than or equal to 1"]),
        ("custom: {function: clean}", ["match pattern"]),
        ("custom: {function: ../x.clean}", ["match pattern"]),
        ("derive: {__row__: '1'}", ["row numbers"]),
    ],
)
def test_what_cannot_work_is_refused_in_words(rule: str, said: list[str]) -> None:
    _, message = _refusal(f"- {rule}")
    assert all(part in message for part in said), message


@pytest.mark.parametrize(
    "sql",
    ["a > avg(a)", "count(*) > 1", "lag(a) over (order by b) > 1", "exists (select 1)", "a in (select 1)", "unnest(a)"],
)
def test_an_expression_over_several_rows_is_refused_as_it_would_depend_on_the_size_of_parts(sql: str) -> None:
    _, message = _refusal(f"- filter: {sql!r}")
    assert "more than one row" in message


@pytest.mark.parametrize("sql", ["CAST(a AS INT) > 1", "a::double > 1", "NOT CAST(a AS BOOLEAN)"])
def test_a_cast_that_fails_on_one_value_is_refused_as_it_would_stop_the_source(sql: str) -> None:
    _, message = _refusal(f"- filter: {sql!r}")
    assert "TRY_CAST" in message


@pytest.mark.parametrize(
    "sql",
    [
        "TRY_CAST(a AS INT) > 1",
        "NOT (a > 1) AND b NOT IN (1, 2)",
        "CAST(a AS VARCHAR) = '1'",
        "substr(a, 1, 2) = 'Agg'",
        "a IN ('Len', 'Over')",
        '"CO(GT)" IS NULL OR coalesce(b, 0) > abs(c)',
        "CASE WHEN a > 1 THEN 'x' ELSE 'y' END = 'x'",
    ],
)
def test_expressions_on_one_row_are_taken(sql: str) -> None:
    assert len(read_rules([{"filter": sql}])) == 1
