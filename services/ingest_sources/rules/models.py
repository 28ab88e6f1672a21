"""The rules of a source as they stand in its YAML, checked as far as that goes without data.

Each rule is a mapping with one key, the rule's name: `- range: {column: temperature, min: -50}`. A field
`rules: tuple[Rule, ...]` of a pydantic model reads them; `read_rules` does it for a list on its own.
"""

from collections.abc import Mapping
from math import inf
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, model_validator

from ingest_sources.rules.config_checks import not_empty, usable_regex, usable_zone, without_repeats
from ingest_sources.rules.lookup_model import Lookup
from ingest_sources.rules.rule_model import (
    Column,
    Columns,
    Constant,
    Kind,
    Limit,
    OfColumn,
    OfColumns,
    RuleModel,
    Sql,
    TimeFormat,
    Word,
)


class Rename(RuleModel):
    """Gives columns other names, all at once, so that two can change places."""

    shorthand = "columns"
    rule: Literal["rename"] = "rename"
    columns: dict[Column, Column] = Field(min_length=1)

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @model_validator(mode="after")
    def _targets_differ(self) -> "Rename":
        without_repeats(tuple(self.columns.values()))
        return self


class Keep(OfColumns):
    """Keeps only these columns, in this order."""

    shorthand = "columns"
    rule: Literal["keep"] = "keep"


class Drop(OfColumns):
    """Drops these columns."""

    shorthand = "columns"
    rule: Literal["drop"] = "drop"


class _OfSomeOrAll(RuleModel):
    columns: Literal["all"] | Columns = "all"

    @property
    def reads(self) -> tuple[str, ...]:
        return () if self.columns == "all" else self.columns


class Trim(_OfSomeOrAll):
    """Takes white space off both ends of texts; nothing inside them changes."""

    shorthand = "columns"
    rule: Literal["trim"] = "trim"


class Case(OfColumns):
    """Turns texts into upper or lower case."""

    rule: Literal["case"] = "case"
    to: Literal["upper", "lower"]


class Missing(_OfSomeOrAll):
    """Turns these texts into null, and in columns of numbers the numbers that they are."""

    rule: Literal["missing"] = "missing"
    values: Annotated[tuple[Word, ...], AfterValidator(not_empty)]


class Cast(RuleModel):
    """Gives columns a type.

    Attributes:
        columns: column → number (Float64), integer (Int64), boolean or text.
        others: the type of all columns that are not in `columns`, for tables whose columns are not known beforehand.
        decimal_comma: numbers in texts are written 1,5; one with a point is then refused, as it may mean thousands.
        lenient: what can't be cast becomes null; else its row is refused. NaN and infinity are no numbers.
    """

    rule: Literal["cast"] = "cast"
    columns: dict[Column, Kind] = Field(default_factory=dict)
    others: Kind | None = None
    decimal_comma: bool = False
    lenient: bool = False

    @model_validator(mode="after")
    def _has_columns(self) -> "Cast":
        if not self.columns and self.others is None:
            raise ValueError("names no column: give `columns`, or `others` for all that are not named")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(self.columns)


class Time(RuleModel):
    """Reads a time out of one column, or out of several joined by a space, as Int64 microseconds UTC.

    Attributes:
        columns: `from` in YAML. Null in one of them gives null.
        formats: `iso`, `epoch` (s, ms, µs or ns by magnitude) or chrono's strptime formats; the first that fits counts.
        zone: of texts that have none. A local time that occurs twice is the earlier one; one that the clocks skip is
            refused.
        into: the column of the result; the others stay.
    """

    rule: Literal["time"] = "time"
    columns: Columns = Field(alias="from")
    formats: Annotated[tuple[TimeFormat, ...], AfterValidator(not_empty)]
    zone: Annotated[str, AfterValidator(usable_zone)] = "UTC"
    into: Column = "time"

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns


class Unit(OfColumn):
    """Changes the unit: the result is `value * multiply + add`, Float64."""

    rule: Literal["unit"] = "unit"
    multiply: float = Field(default=1.0, allow_inf_nan=False)
    add: float = Field(default=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _changes_something(self) -> "Unit":
        if self.multiply in (0.0, 1.0) and self.add == 0.0:
            raise ValueError(f"multiply {self.multiply:g} and add 0 change no unit; set one of them")
        return self


class Require(OfColumns):
    """Refuses rows with null in one of these columns."""

    shorthand = "columns"
    rule: Literal["require"] = "require"


class Allow(OfColumn):
    """Refuses rows whose value is none of these; null passes."""

    rule: Literal["allow"] = "allow"
    values: Annotated[tuple[Constant, ...], AfterValidator(not_empty)]


class Range(OfColumn):
    """Refuses rows whose number is below `min` or above `max`, or is NaN; null passes."""

    rule: Literal["range"] = "range"
    min: Limit | None = None
    max: Limit | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> "Range":
        if self.min is None and self.max is None:
            raise ValueError("range has neither min nor max; set one of them")
        low, high = (-inf if self.min is None else self.min), (inf if self.max is None else self.max)
        if low > high:
            raise ValueError(f"min {self.min} is above max {self.max}, so that no value fits; swap them")
        return self


class Match(OfColumn):
    """Refuses rows in whose text the regular expression is not found; `^` and `$` bind it to the ends. Null passes."""

    rule: Literal["match"] = "match"
    regex: Annotated[str, AfterValidator(usable_regex)]


class _OfSql(RuleModel):
    where: Sql

    @property
    def reads(self) -> tuple[str, ...]:
        return names_in(self.where)


class Check(_OfSql):
    """Refuses rows for which the SQL expression is false; null passes.

    Attributes:
        because: what is wrong with such a row, for the person who mends it.
    """

    rule: Literal["check"] = "check"
    because: str = Field(min_length=1)


class Derive(RuleModel):
    """Computes columns from SQL expressions, one after the other, so that one can use those before it."""

    shorthand = "columns"
    rule: Literal["derive"] = "derive"
    columns: dict[Column, Sql] = Field(min_length=1)

    @property
    def reads(self) -> tuple[str, ...]:
        needed: dict[str, None] = {}
        made: set[str] = set()
        for column, sql in self.columns.items():
            needed.update(dict.fromkeys(name for name in names_in(sql) if name not in made))
            made.add(column)
        return tuple(needed)


class Fill(RuleModel):
    """Replaces null by a constant of the column's type."""

    shorthand = "columns"
    rule: Literal["fill"] = "fill"
    columns: dict[Column, Constant] = Field(min_length=1)

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(self.columns)


class Unique(OfColumns):
    """Refuses each row with the same values as an earlier one; with null among them it passes.

    Attributes:
        within: how many of the last keys that passed are known, also those of earlier parts; where it is not said, all
            of the same part alone.
    """

    shorthand = "columns"
    has_more = True
    rule: Literal["unique"] = "unique"
    within: int | None = Field(None, ge=1, le=1_000_000)


class Pseudonymise(OfColumns):
    """Replaces values by `<key id>:<HMAC-SHA-256 of the value's text in hex>`; null stays.

    Attributes:
        key: the name of the key, of which the process has the bytes; of several, the last is used.
    """

    rule: Literal["pseudonymise"] = "pseudonymise"
    key: str = Field(min_length=1)


class Custom(RuleModel):
    """Calls a Python function of the operator's: `(table, **options)` gives the table as it is to be, or a `Step`.

    Attributes:
        function: MODULE.NAME, in the folder that `INGEST_SOURCES_FUNCTIONS` names.
        columns: those that must be in the table.
    """

    rule: Literal["custom"] = "custom"
    function: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
    options: dict[str, Any] = Field(default_factory=dict)
    columns: Columns | tuple[()] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns


class Filter(_OfSql):
    """Keeps the rows for which the SQL expression is true, as WHERE does; the others, also those with null, are counted
    and dropped on purpose."""

    shorthand = "where"
    rule: Literal["filter"] = "filter"


_OF_KINDS: tuple[type[RuleModel], ...] = (
    *(Rename, Keep, Drop, Trim, Case, Missing, Cast, Time, Unit, Require),
    *(Allow, Range, Match, Check, Derive, Fill, Unique, Lookup, Custom, Pseudonymise, Filter),
)
_BY_NAME: Mapping[str, type[RuleModel]] = {kind.model_fields["rule"].default: kind for kind in _OF_KINDS}


def _flatten(item: Any) -> Any:
    """Turns `{range: {column: a}}` into `{rule: range, column: a}`, which pydantic can tell apart."""
    if isinstance(item, RuleModel):
        return item
    if not isinstance(item, dict) or len(item) != 1:
        raise ValueError(f"{_short(item)} is not one rule; write a mapping with exactly one of {', '.join(_BY_NAME)}")
    ((name, body),) = item.items()
    if name not in _BY_NAME:
        raise ValueError(f"{name!r} is no rule; use one of {', '.join(_BY_NAME)}")
    kind = _BY_NAME[name]
    if kind.shorthand is not None and not (kind.has_more and isinstance(body, dict)):
        return {"rule": name, kind.shorthand: body}
    if not isinstance(body, dict):
        fields = ", ".join(field.alias or key for key, field in kind.model_fields.items() if key != "rule")
        raise ValueError(f"{name} is {_short(body)}; write a mapping with {fields}")
    return {"rule": name, **body}


def _short(value: object) -> str:
    return repr(list(value) if isinstance(value, dict) else value)[:200]


def names_in(sql: str) -> tuple[str, ...]:
    """The columns that an SQL expression reads."""
    return tuple(dict.fromkeys(pl.sql_expr(sql).meta.root_names()))


_Union = (
    Rename | Keep | Drop | Trim | Case | Missing | Cast | Time | Unit | Require
    | Allow | Range | Match | Check | Derive | Fill | Unique | Lookup | Custom | Pseudonymise | Filter
)  # fmt: skip
Rule = Annotated[Annotated[_Union, Field(discriminator="rule")], BeforeValidator(_flatten)]
"""One rule of a source; to be used as a field's type."""


def read_rules(content: object) -> tuple[Rule, ...]:
    """Reads the list that stands under `rules:`.

    Raises:
        pydantic.ValidationError: a rule is wrong; `loc` has its position from 0, and the text how to mend it.
    """
    return TypeAdapter(tuple[Rule, ...]).validate_python(content)
