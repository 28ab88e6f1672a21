"""Keeps numbers within what every algorithm can compute with."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.models.steps.traced import TracedStep

LARGEST = 1e30
"""Its square is finite, and it is finite in float32, as which scikit-learn's forests see numbers."""


class Bounds(TracedStep):
    """Numbers outside ±`LARGEST` become that, infinite ones too; what is missing stays missing.

    scikit-learn raises an error where a number is infinite or a float32 can't hold it, and ONNX answers.
    """

    is_same_for_all = True

    def formula(self, columns: Sequence[Any]) -> list[Any]:
        return [np.minimum(np.maximum(each, -LARGEST), LARGEST) for each in columns]

    def names(self, given: Sequence[str]) -> list[str]:
        return list(given)
