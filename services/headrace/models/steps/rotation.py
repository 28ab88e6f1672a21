"""Coordinates seen from other directions, so that a tree can split along a coast that runs aslant."""

from collections.abc import Sequence
from math import cos, radians, sin
from typing import Any

from headrace.models.steps.traced import TracedStep


class Rotation(TracedStep):
    """Two columns turned by each angle.

    Args:
        degrees: angles; each gives two columns.
    """

    def __init__(self, degrees: Sequence[float] = (22.5, 45.0, 67.5)) -> None:
        self.degrees = degrees

    def formula(self, columns: Sequence[Any]) -> list[Any]:
        x, y = columns
        turned: list[Any] = []
        for angle in map(radians, self.degrees):
            turned += [x * cos(angle) + y * sin(angle), y * cos(angle) - x * sin(angle)]
        return turned

    def names(self, given: Sequence[str]) -> list[str]:
        return [f"{name}_turned_{angle:g}" for angle in self.degrees for name in given]
