"""What a request asks: rows of a model, and the ids and subjects that the caller has for them.

A body is one row as an object of its inputs, or `{"rows": [...]}` with `ids` and `subjects` beside them. No input is a
list, so a model may have an input of the name `rows`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from headrace.models.row_model import Row, RowModel, RowRefused
from serve_api.problems import Fault, Problem, invalid

MAX_ROWS = 1_000
MAX_REASONS = 20
_MAX_FAULTS = 20
ID_PATTERN = r"^[!-~]{1,128}$"

PredictionId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class PredictQuery(BaseModel):
    """The options of a prediction."""

    model_config = ConfigDict(extra="forbid")

    reasons: Annotated[int, Field(ge=0, le=MAX_REASONS)] = 0
    id: PredictionId | None = None
    subject: Subject | None = None


class ManyRows(BaseModel):
    """The body of a prediction for many rows, which are validated by the model's own schema."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rows: Annotated[list[Any], Field(min_length=1, max_length=MAX_ROWS)]
    ids: list[PredictionId] | None = None
    subjects: list[Subject | None] | None = None


@dataclass(frozen=True)
class Asked:
    """Rows with their ids and subjects, as many of each."""

    rows: list[Row]
    ids: list[str]
    subjects: list[str | None]
    is_many: bool

    def name_of(self, at: int) -> str:
        """A row's path in the body."""
        return f"rows.{at}" if self.is_many else "row"


_NO_OPTIONS = PredictQuery()


def read_options(request: Request) -> PredictQuery:
    """The options in the query.

    Raises:
        Problem: one is wrong or unknown.
    """
    if not request.scope["query_string"]:
        return _NO_OPTIONS
    try:
        return PredictQuery.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise refused(error) from None


def read_asked(body: bytes, model: RowModel, options: PredictQuery, new_id: Callable[[], str]) -> Asked:
    """The rows of a body.

    Raises:
        Problem: it isn't JSON, or a row doesn't fit; names row and field.
    """
    content = read_json(body)
    if isinstance(content, dict) and isinstance(content.get("rows"), list):
        return _many(content, model, options, new_id)
    try:
        row = model.read(content)
    except RowRefused as refusal:
        raise invalid(*_named("", refusal)) from None
    return Asked([row], [options.id or new_id()], [options.subject], False)


def read_json(body: bytes) -> Any:
    """A body as what JSON has; numbers that JSON doesn't have are refused.

    Raises:
        Problem: it isn't JSON.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise invalid(Fault("body", f"it is no JSON: {error}", "send a JSON object")) from None


def refused(error: ValidationError) -> Problem:
    """The faults of a body or of options."""
    faults = []
    for item in error.errors(include_url=False)[:_MAX_FAULTS]:
        name = ".".join(map(str, item["loc"])) or "body"
        mend = "leave it out, or correct its name" if item["type"] == "extra_forbidden" else f"correct {name}"
        faults.append(Fault(name, str(item["msg"]).removeprefix("Value error, "), mend))
    return invalid(*faults)


def _many(content: dict[str, Any], model: RowModel, options: PredictQuery, new_id: Callable[[], str]) -> Asked:
    if options.id is not None or options.subject is not None:
        raise invalid(Fault("id", "id and subject are of one row", "send `ids` and `subjects` beside `rows`"))
    try:
        many = ManyRows.model_validate(content)
    except ValidationError as error:
        raise refused(error) from None
    count = len(many.rows)
    ids = [new_id() for _ in range(count)] if many.ids is None else many.ids
    subjects: list[str | None] = [None] * count if many.subjects is None else many.subjects
    for name, given in (("ids", ids), ("subjects", subjects)):
        if len(given) != count:
            raise invalid(Fault(name, f"{len(given)} {name} of {count} rows", "send one for each row, or none at all"))
    if len(set(ids)) < count:
        raise invalid(Fault("ids", "an id is there twice", "give each row an id of its own"))
    return Asked(_read_rows(many.rows, model), ids, subjects, True)


def _read_rows(given: list[Any], model: RowModel) -> list[Row]:
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, one in enumerate(given):
        try:
            rows.append(model.read(one))
        except RowRefused as refusal:
            faults += _named(f"rows.{number}.", refusal)
            if len(faults) >= _MAX_FAULTS:
                break
    if faults:
        raise invalid(*faults[:_MAX_FAULTS])
    return rows


def _named(where: str, refusal: RowRefused) -> list[Fault]:
    return [Fault(where + fault.name, fault.problem, fault.mend) for fault in refusal.faults[:_MAX_FAULTS]]
