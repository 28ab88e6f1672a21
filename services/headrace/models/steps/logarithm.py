"""Numbers of very different size, brought together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.models.steps.traced import TracedStep


class Logarithm(TracedStep):
    """sign(x) · ln(1 + |x|) of each column."""

    is_same_for_all = True

    def formula(self, columns: Sequence[Any]) -> list[Any]:
        # Not np.log1p, which ONNX doesn't have.
        return [np.sign(each) * np.log(1.0 + np.abs(each)) for each in columns]

    def names(self, given: Sequence[str]) -> list[str]:
        return [f"log_{name}" for name in given]
