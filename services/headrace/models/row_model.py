"""What one row of a model may hold, made from its manifest's inputs.

A row is a typed dictionary of pydantic's: its fields can have any name, such as `Call  Failure`, and what comes out is
the dictionary that the model takes.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    with_config,
)
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from headrace.clock import MICROSECONDS
from headrace.instants import LAST_US, iso_of, parse_any_instant
from headrace.models.inputs import MISSING_TEXT, Input, InputKind, value_text
from headrace.models.records import Value

Row = dict[str, Value]

_SAFE_INTEGER = 2**53
_MAX_SHOWN_LEVELS = 20
_EXPECTED: dict[InputKind, str] = {
    "number": "a number",
    "boolean": "true or false",
    "category": "a text, or a number or boolean that stands for one",
    "text": "a text",
    "time": "ISO 8601 with a zone, or an epoch number in s, ms, µs or ns",
}


class RowFault(NamedTuple):
    """One field that doesn't fit: its name, what is wrong with it, and what to give instead."""

    name: str
    problem: str
    mend: str


class RowRefused(Exception):
    """A row does not fit; `faults` says which fields and why."""

    def __init__(self, faults: list[RowFault]) -> None:
        super().__init__("; ".join(f"{fault.name}: {fault.problem}; {fault.mend}" for fault in faults))
        self.faults = faults


class RowModel:
    """The rows of one version of a model."""

    def __init__(self, name: str, inputs: Iterable[Input]) -> None:
        self._inputs = {field.name: field for field in inputs}
        fields = {field.name: _annotation(field) for field in self._inputs.values()}
        # The functional form alone takes names that are no identifiers.
        row = TypedDict(f"{name}_row", fields)  # type: ignore[misc]  # its fields are known at run time only
        strict: Any = with_config(ConfigDict(extra="forbid"))(row)
        self._adapter: TypeAdapter[Row] = TypeAdapter(strict)
        self._times = [field.name for field in self._inputs.values() if field.kind == "time"]
        self._levels = [(field.name, frozenset(field.levels)) for field in self._inputs.values() if field.levels]

    def read(self, value: object) -> Row:
        """The row in the order of the inputs, times as epoch seconds and categories as texts.

        Every input is there, and nothing else.

        Raises:
            RowRefused: it isn't one.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise RowRefused(self._faults(error)) from None

    def pick(self, columns: Mapping[str, object]) -> Row:
        """The same of a row of a table, which may have other columns; one that is missing has no value.

        Raises:
            RowRefused: a value doesn't fit.
        """
        return self.read({name: columns.get(name) for name in self._inputs})

    def recorded(self, row: Row) -> Row:
        """A row that was read, as it is recorded: `read` makes the same of it again.

        Times are ISO 8601, as a bare number of microseconds before March 1973 would be read as one of milliseconds.
        """
        if not self._times:
            return row
        times = {name: row[name] for name in self._times}
        return {**row, **{name: _iso(value) for name, value in times.items() if isinstance(value, float)}}

    def unseen(self, row: Mapping[str, Value]) -> list[str]:
        """The categories whose value was not in training, a missing one aside."""
        return [
            name
            for name, levels in self._levels
            if (text := value_text(row.get(name))) != MISSING_TEXT and text not in levels
        ]

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of a row."""
        return self._adapter.json_schema()

    def _faults(self, error: ValidationError) -> list[RowFault]:
        found: dict[str, RowFault] = {}
        for item in error.errors(include_url=False):
            name = str(item["loc"][0]) if item["loc"] else "row"
            found.setdefault(name, self._fault(name, item))
        return list(found.values())

    def _fault(self, name: str, item: ErrorDetails) -> RowFault:
        if item["type"] == "missing":
            return RowFault(name, "it is missing", f"add {name}")
        if item["type"] == "extra_forbidden":
            return RowFault(name, "the model has no such input", "leave it out, or correct its name")
        field = self._inputs.get(name)
        if field is None:
            return RowFault("row", "it is no JSON object", "send an object with a field for each input")
        expected = f"give {_EXPECTED[field.kind]}"
        if field.nullable:
            return RowFault(name, _problem(item), f"{expected}, or null")
        problem = "it has no value, and the model needs one" if item["input"] is None else _problem(item)
        return RowFault(name, problem, expected)


def _problem(item: ErrorDetails) -> str:
    message = item["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _annotation(field: Input) -> Any:
    described = _described(field)
    return described | None if field.nullable else described


def _described(field: Input) -> Any:
    if field.kind == "number":
        return Annotated[float, Strict(), Field(allow_inf_nan=False, ge=field.minimum, le=field.maximum)]
    if field.kind == "boolean":
        return Annotated[bool, Strict()]
    if field.kind == "text":
        return Annotated[str, Strict()]
    if field.kind == "time":
        kinds: list[JsonValue] = [{"type": "string", "format": "date-time"}, {"type": "number"}]
        schema = WithJsonSchema({"anyOf": kinds, "description": _EXPECTED["time"]})
        return Annotated[float, BeforeValidator(_epoch_seconds), schema]
    return _category(field)


def _category(field: Input) -> Any:
    # An empty text is a missing value to the model.
    least = 0 if field.nullable else 1
    shown = list(field.levels[:_MAX_SHOWN_LEVELS])
    about = f"Known: {', '.join(shown)}" + (", and others" if len(field.levels) > len(shown) else "")
    kinds: list[JsonValue] = [{"type": "string", "minLength": least}, {"type": "number"}, {"type": "boolean"}]
    schema: dict[str, JsonValue] = {"anyOf": kinds}
    if shown:
        schema |= {"description": about, "examples": [*shown]}
    text = Annotated[str, Strict(), StringConstraints(min_length=least)]
    return Annotated[text, BeforeValidator(_category_text), WithJsonSchema(schema)]


def _category_text(value: object) -> object:
    if not isinstance(value, int | float):
        return value
    if not abs(value) <= _SAFE_INTEGER:
        raise ValueError("a number beyond 2^53 can't be told from its neighbours: send it as a text")
    return value_text(value)


def _epoch_seconds(value: object) -> float:
    return parse_any_instant(value) / MICROSECONDS


def _iso(seconds: float) -> str:
    # The last microseconds of the year 9999 are not told apart from the next year in float64.
    return iso_of(min(round(seconds * MICROSECONDS), LAST_US))
