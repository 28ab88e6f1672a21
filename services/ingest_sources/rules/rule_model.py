"""What the models of all rules are made of: their base, and the types of their fields."""

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from ingest_sources.rules.config_checks import (
    not_a_boolean,
    not_empty,
    not_the_row_number,
    usable_sql,
    usable_time_format,
    without_repeats,
)

_INT64 = 1 << 63

Kind = Literal["number", "integer", "boolean", "text"]
"""What a column can be cast to: Float64, Int64, Boolean, String."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _comparable(limit: int | float | None) -> int | float | None:
    # Polars refuses an integer that its Int64 can't hold.
    return limit if limit is None or -_INT64 <= limit < _INT64 else float(limit)


Column = Annotated[str, BeforeValidator(not_a_boolean), AfterValidator(not_the_row_number)]
Columns = Annotated[
    tuple[Column, ...], BeforeValidator(_as_list), AfterValidator(not_empty), AfterValidator(without_repeats)
]
Word = Annotated[StrictStr | StrictInt | StrictFloat, BeforeValidator(not_a_boolean)]
Constant = StrictStr | StrictBool | StrictInt | StrictFloat
TimeFormat = Annotated[str, AfterValidator(usable_time_format)]
Sql = Annotated[str, AfterValidator(usable_sql)]
Limit = Annotated[int | Annotated[float, Field(allow_inf_nan=False)], AfterValidator(_comparable)]


class RuleModel(BaseModel):
    """What all rules have in common.

    Attributes:
        rule: the rule's name, the key in YAML.
        shorthand: the field that takes the whole of what stands behind the key, for rules that have no more to say.
        has_more: a mapping behind the key is of fields all the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shorthand: ClassVar[str | None] = None
    has_more: ClassVar[bool] = False
    rule: str

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that must be in the table."""
        return ()


class OfColumns(RuleModel):
    """A rule of one or more columns that need nothing more."""

    columns: Columns

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns


class OfColumn(RuleModel):
    """A rule of one column."""

    column: Column

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)
