"""What is trained again: a model file, of whatever task."""

from typing import Protocol

from train_models.data.data_spec import Source
from train_models.retraining.retraining_spec import Retraining


class Retrained(Protocol):
    """`ModelFile` and `RecommenderFile`, as far as retraining looks at them."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> Source: ...
    @property
    def retraining(self) -> Retraining: ...
