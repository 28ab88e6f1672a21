"""The label's column as what is learned: 1 for the positive class, or a number."""

from typing import Any

import numpy as np

from headrace.errors import ConfigurationError
from train_models.data.cells import Array, Cells, as_numbers

_SHOWN = 5
_WORDS = {"true": "1", "yes": "1", "false": "0", "no": "0"}


def classes(cells: Cells, positive: str | float | bool) -> Array:
    """int8: 1 where the value is the positive one. Rows without a value must be left out before.

    Values are compared as texts in small letters; true, yes and 1 are the same, and so are false, no and 0.

    Raises:
        ConfigurationError: there are not exactly two classes, or the positive one is none of them.
    """
    name, column = cells.name, cells.values
    counts = column.value_counts()
    found: dict[str, list[Any]] = {}
    for value in counts.field("values").to_pylist():
        found.setdefault(_same(value), []).append(value)
    shown = ", ".join(repr(values[0]) for values in list(found.values())[:_SHOWN])
    if len(found) != 2:
        raise ConfigurationError(
            f"label {name!r} has {len(found)} classes ({shown}{', …' if len(found) > _SHOWN else ''}), and a "
            "classification is between two: choose rows by a query, or train one model per class"
        )
    wanted = _same(positive)
    if wanted not in found:
        raise ConfigurationError(f"label {name!r} is never {positive!r}, which `positive` says; it is {shown}")
    values = column.to_pylist()
    positives = set(found[wanted])
    return np.array([value in positives for value in values], dtype=np.int8)


def numbers(cells: Cells) -> Array:
    """float64, for a regression.

    Raises:
        ConfigurationError: a value is no number.
    """
    return as_numbers(cells)


def _same(value: Any) -> str:
    text = str(value).strip().lower()
    if text in _WORDS:
        return _WORDS[text]
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.0f}" if number.is_integer() else repr(number)
