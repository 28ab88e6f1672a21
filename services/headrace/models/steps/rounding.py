"""Takes the last bits of sums away, which depend on how many rows are computed at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.models.steps.traced import TracedStep

GRID = float(1 << 24)


class Rounding(TracedStep):
    """To the nearest multiple of 2⁻²⁴, about 6e-8.

    A principal component of categories takes few values, each with other last bits in each batch; a tree would split
    between them, and answer one row otherwise than many.
    """

    is_same_for_all = True

    def formula(self, columns: Sequence[Any]) -> list[Any]:
        return [np.floor(each * GRID + 0.5) / GRID for each in columns]

    def names(self, given: Sequence[str]) -> list[str]:
        return list(given)
