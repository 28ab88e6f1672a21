"""The inputs of a model: their names and kinds, and rows of them as the columns that the fitted object takes.

Training and serving both go through `value_text` and `columns`, so a value means the same in both.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from headrace.models.records import Value

InputKind = Literal["number", "boolean", "category", "text", "time"]
Columns = dict[str, np.ndarray[Any, Any]]
MISSING_TEXT = ""
"""What a category or text without a value is; a missing number, boolean or time is NaN."""


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of a row.

    A `time` is given as ISO 8601 with a zone or as an epoch number whose magnitude tells its unit, and is a number of
    seconds to the model. `levels` are what a category was in training; another is allowed, and is unseen. `minimum` and
    `maximum` are what a request may hold, where the model file says so.
    """

    name: str
    kind: InputKind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[str, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether its column is of float64, and not of text."""
        return self.kind in ("number", "boolean", "time")


def value_text(value: object) -> str:
    """The text that a value of a category or text is, in training and in serving.

    A whole number is written without a fraction, as sources differ in whether they have it: 1.0 is "1". Booleans are
    "true" and "false", nothing is `MISSING_TEXT`, and a text stays as it is.
    """
    if value is None:
        return MISSING_TEXT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def columns(inputs: Iterable[Input], rows: Sequence[Mapping[str, Value]]) -> Columns:
    """Rows as one array per input, in the order of `inputs`: float64 (NaN where missing) or object (text)."""
    found: Columns = {}
    for field in inputs:
        values = [row.get(field.name) for row in rows]
        if field.is_numeric:
            found[field.name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        else:
            texts = np.empty(len(values), dtype=object)
            texts[:] = [value if isinstance(value, str) else value_text(value) for value in values]
            found[field.name] = texts
    return found
