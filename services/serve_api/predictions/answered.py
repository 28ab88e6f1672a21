"""A prediction as it was made and is answered."""

from dataclasses import dataclass

from headrace.models.records import Prediction
from headrace.models.scorer import Reason


@dataclass(frozen=True)
class Answered:
    """One row's prediction.

    Attributes:
        reasons: None where they weren't asked for.
    """

    made: Prediction
    reasons: list[Reason] | None
