"""What an interaction is worth."""

import pytest

from headrace.interactions.records import Interaction, Kind
from headrace.interactions.weights import weight_of


@pytest.mark.parametrize(
    ("kind", "value", "weight"),
    [
        ("impression", None, 0),
        ("consent", None, 0),
        ("view", None, 1),
        ("click", None, 1.5),
        ("cart", None, 3),
        ("purchase", 999.0, 5),
        ("dwell", 0.0, 0),
        ("dwell", 30.0, 1),
        ("dwell", 7_200.0, 2),
        ("rating", 0.0, 0),
        ("rating", 5.0, 0),
        ("rating", 8.0, 3),
        ("rating", 10.0, 5),
    ],
)
def test_the_weight_goes_by_kind_and_value(kind: Kind, value: float | None, weight: float) -> None:
    assert weight_of(Interaction("e", "shop", "s", kind, 0, 0, "cup", value, quantity=3)) == weight
