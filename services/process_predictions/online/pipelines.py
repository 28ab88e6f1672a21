"""River pipelines that learn one outcome at a time, and their state as plain numbers.

River's own way to keep a model is pickle; here only the numbers are kept that a pipeline learned, and the pipeline is
made anew from its variant. `tests/unit/process_predictions/test_pipelines.py` holds that it goes on to the bit, so that
a River that keeps more than this fails there.
"""

from collections.abc import Sequence
from math import log
from struct import Struct
from typing import Any, Protocol

import numpy as np
from numpy.linalg import LinAlgError
from river import linear_model, optim, preprocessing, utils

from headrace.models.online import Variant
from process_predictions.online.spread import LEAST_PROBABILITY

Features = dict[str, float]
_CLIP = 3.0
"""Greatest gradient: one wild outcome moves no weight far."""
_COUNT = Struct("<I")


class OnlinePipeline(Protocol):
    """What learns. Features come in the variant's order."""

    def predict(self, features: Features) -> float:
        """The expected outcome."""
        ...

    def learn(self, features: Features, outcome: float) -> None:
        """Takes an outcome."""
        ...

    def pack(self) -> bytes:
        """What was learned."""
        ...

    def restore(self, content: bytes) -> None:
        """Takes what `pack` gave, into a pipeline that has learned nothing.

        Raises:
            ValueError: it is of another variant.
        """
        ...


def make_pipeline(variant: Variant, share: float) -> OnlinePipeline:
    """A pipeline that has learned nothing.

    Args:
        share: probability that a pipeline of probabilities begins with.
    """
    if variant.pipeline == "sgd_linear":
        return _SgdLinear(variant)
    if variant.pipeline == "bayesian_linear":
        return _BayesianLinear(variant)
    return _SgdLogistic(variant, share)


class _SgdLinear:
    """`StandardScaler | LinearRegression`, by stochastic gradient descent on the squared error."""

    def __init__(self, variant: Variant) -> None:
        self._scaler = _Scaler(variant.features)
        self._model = linear_model.LinearRegression(
            optim.SGD(variant.learning_rate), intercept_lr=variant.intercept_rate, clip_gradient=_CLIP
        )
        self._weights = _Weights(variant.features, self._model)
        self._pipeline = self._scaler.river | self._model

    def predict(self, features: Features) -> float:
        return float(self._pipeline.predict_one(features))

    def learn(self, features: Features, outcome: float) -> None:
        self._pipeline.learn_one(features, outcome)

    def pack(self) -> bytes:
        return self._scaler.pack() + self._weights.pack()

    def restore(self, content: bytes) -> None:
        self._weights.restore(self._scaler.restore(content))


class _SgdLogistic:
    """`LogisticRegression`, by stochastic gradient descent on the log loss; its features are logarithms already."""

    def __init__(self, variant: Variant, share: float) -> None:
        self._model: Any = linear_model.LogisticRegression(
            optim.SGD(variant.learning_rate),
            intercept_init=log(share / (1.0 - share)),
            intercept_lr=variant.intercept_rate,
            clip_gradient=_CLIP,
        )
        self._weights = _Weights(variant.features, self._model)

    def predict(self, features: Features) -> float:
        probability = float(self._model.predict_proba_one(features)[True])
        return min(max(probability, LEAST_PROBABILITY), 1.0 - LEAST_PROBABILITY)

    def learn(self, features: Features, outcome: float) -> None:
        self._model.learn_one(features, bool(outcome))

    def pack(self) -> bytes:
        return self._weights.pack()

    def restore(self, content: bytes) -> None:
        self._weights.restore(content)


class _BayesianLinear:
    """`StandardScaler | BayesianLinearRegression`, which is least squares that forgets."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant
        self._scaler = _Scaler(variant.features)
        self._begin()

    def predict(self, features: Features) -> float:
        with _quiet():
            return float(self._pipeline.predict_one(features))

    def learn(self, features: Features, outcome: float) -> None:
        try:
            with _quiet():
                self._pipeline.learn_one(features, outcome)
            is_sound = bool(np.isfinite(self._model._ss_inv_arr).all())
        except LinAlgError:
            is_sound = False
        if not is_sound:
            # After years of the same value nothing of the prior is left to invert.
            self._begin()

    def pack(self) -> bytes:
        model = self._model
        if not model._cap:
            return self._scaler.pack()
        # Precision is symmetric to the bit; its inverse follows from it.
        precision = model._ss_arr[np.tril_indices(model._cap)]
        return self._scaler.pack() + precision.tobytes() + model._eta_arr.tobytes()

    def restore(self, content: bytes) -> None:
        content = self._scaler.restore(content)
        if not content:
            return
        model = self._model
        model._ensure_features(self._variant.features)
        rows, columns = np.tril_indices(model._cap)
        numbers = np.frombuffer(content, dtype=np.float64)
        if len(numbers) != len(rows) + model._cap:
            raise ValueError(f"{len(numbers)} numbers are no state of {self._variant.name}")
        model._ss_arr[rows, columns] = model._ss_arr[columns, rows] = numbers[: len(rows)]
        model._ss_inv_arr = np.asfortranarray(np.linalg.inv(model._ss_arr))
        model._eta_arr = numbers[len(rows) :].copy()
        model._m_dirty = True

    def _begin(self) -> None:
        self._model = linear_model.BayesianLinearRegression(smoothing=self._variant.forgetting)
        self._pipeline = self._scaler.river | self._model


def _quiet() -> np.errstate:
    """NumPy says nothing of numbers that it can't hold: who asks looks whether the answer is finite."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


class _Scaler:
    """River's `StandardScaler` over features that always come together, so that one count holds for all."""

    def __init__(self, features: Sequence[str]) -> None:
        self.river = preprocessing.StandardScaler()
        self._features = features
        self._numbers = Struct(f"<{2 * len(features)}d")

    def pack(self) -> bytes:
        scaler, names = self.river, self._features
        numbers = (*(scaler.means.get(name, 0.0) for name in names), *(scaler.vars.get(name, 0.0) for name in names))
        return _COUNT.pack(scaler.counts[names[0]]) + self._numbers.pack(*numbers)

    def restore(self, content: bytes) -> bytes:
        """Takes what `pack` gave; returns what follows it."""
        end = _COUNT.size + self._numbers.size
        if len(content) < end:
            raise ValueError(f"{len(content)} bytes are no scaler of {len(self._features)} features")
        (count,) = _COUNT.unpack_from(content)
        numbers = self._numbers.unpack_from(content, _COUNT.size)
        if count:
            for at, name in enumerate(self._features):
                self.river.counts[name] = count
                self.river.means[name] = numbers[at]
                self.river.vars[name] = numbers[at + len(self._features)]
        return content[end:]


class _Weights:
    """The weights and the intercept of one of River's linear models."""

    def __init__(self, features: Sequence[str], model: Any) -> None:
        self._features = features
        self._model = model
        self._numbers = Struct(f"<{len(features) + 1}d")

    def pack(self) -> bytes:
        known = self._model.weights
        return self._numbers.pack(*(known.get(name, 0.0) for name in self._features), self._model.intercept)

    def restore(self, content: bytes) -> None:
        if len(content) != self._numbers.size:
            raise ValueError(f"{len(content)} bytes are no weights of {len(self._features)} features")
        *weights, self._model.intercept = self._numbers.unpack(content)
        self._model._weights = utils.VectorDict(dict(zip(self._features, weights, strict=True)))
