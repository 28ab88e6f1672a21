"""One column by another."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.models.steps.traced import TracedStep


class Ratio(TracedStep):
    """The first column by the second; missing where the divisor is zero.

    Args:
        name: of the new column.
        plus: is added to the second.
    """

    def __init__(self, name: str = "ratio", plus: float = 0.0) -> None:
        self.name = name
        self.plus = plus

    def formula(self, columns: Sequence[Any]) -> list[Any]:
        of, by = columns
        divisor = by + self.plus
        return [of / np.where(divisor == 0.0, np.nan, divisor)]

    def names(self, given: Sequence[str]) -> list[str]:
        return [self.name]
