"""A variant of a model on one series: what it learned, and how good it was."""

from math import isfinite, nan
from struct import Struct

from numpy.linalg import LinAlgError

from headrace.models.online import OnlineModel, Variant
from process_predictions.online.figures import FIGURES_SIZE, Figures, Loss
from process_predictions.online.history import NEVER
from process_predictions.online.pipelines import make_pipeline

_PREDICTED = Struct("<q")
_NO_NUMBER = (ArithmeticError, LinAlgError)
"""What a pipeline raises at numbers out of all proportion."""


class Learner:
    """Implements predict, then learn.

    Attributes:
        variant: of the model.
        signature: eight bytes that differ where what was learned would mean something else.
        predicted_for: number of the newest period for which it made a prediction.
        figures: of its predictions.
    """

    __slots__ = ("_model", "_pipeline", "figures", "predicted_for", "signature", "variant")

    def __init__(self, model: OnlineModel, variant: Variant, signature: bytes) -> None:
        self._model = model
        self.variant = variant
        self.signature = signature
        self.predicted_for = NEVER
        self.figures = Figures()
        self._pipeline = make_pipeline(variant, model.share)

    def features(self, known: dict[str, float]) -> dict[str, float]:
        """Those that the variant looks at, in its order."""
        return {name: known[name] for name in self.variant.features}

    def predict(self, known: dict[str, float], otherwise: float) -> float:
        """What the pipeline expects of these features.

        Args:
            otherwise: the answer where it has none that is finite, even after it has forgotten all.
        """
        predicted = self._expected(known)
        if not isfinite(predicted):
            self.forget()
            predicted = self._expected(known)
        return predicted if isfinite(predicted) else otherwise

    def forget(self) -> None:
        """Begins anew: what it learned has no meaning any more; its figures have."""
        self._pipeline = make_pipeline(self.variant, self._model.share)

    def learn(self, known: dict[str, float], outcome: float) -> None:
        """Takes the outcome that came of these features."""
        try:
            self._pipeline.learn(self.features(known), outcome)
        except _NO_NUMBER:
            self.forget()

    def _expected(self, known: dict[str, float]) -> float:
        try:
            return self._pipeline.predict(self.features(known))
        except _NO_NUMBER:
            return nan

    def judge(self, loss: Loss, predicted: float, observed: float) -> None:
        """Takes what its prediction cost."""
        self.figures.take(loss, predicted, observed)

    def pack(self) -> bytes:
        """About 300 bytes with eight features by gradient descent, 560 by least squares."""
        return _PREDICTED.pack(self.predicted_for) + self.figures.pack() + self._pipeline.pack()

    def restore(self, content: bytes) -> None:
        """Takes what `pack` gave.

        Raises:
            ValueError: it is of another variant.
        """
        if len(content) < _PREDICTED.size + FIGURES_SIZE:
            raise ValueError(f"{len(content)} bytes are no state of {self.variant.name}")
        (self.predicted_for,) = _PREDICTED.unpack_from(content)
        self.figures = Figures.unpack(content[_PREDICTED.size :])
        try:
            self._pipeline.restore(content[_PREDICTED.size + FIGURES_SIZE :])
        except _NO_NUMBER:
            self.forget()
