"""A step whose columns come from a formula of numpy ufuncs, which is also what its ONNX form is made from."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

Array = np.ndarray[Any, Any]


class TracedStep(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learns nothing from rows; a subclass says how its columns come from the given ones.

    The export calls `formula` with symbols in place of arrays. So there is one formula, in training and when serving;
    it may use arithmetic, comparisons, numpy ufuncs, `np.where`, and nothing else.

    Attributes:
        is_same_for_all: whether each column alone gives one by the same formula, so that all can be taken as one.
    """

    is_same_for_all = False

    def formula(self, columns: Sequence[Any]) -> list[Any]:
        """New columns from those of the input, each (n,)."""
        raise NotImplementedError

    def names(self, given: Sequence[str]) -> list[str]:
        """Of the new columns."""
        raise NotImplementedError

    def fit(self, rows: Any, target: Any = None) -> Self:
        self.n_features_in_ = np.asarray(rows).shape[1]
        if hasattr(rows, "columns"):
            self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
        return self

    def transform(self, rows: Any) -> Array:
        """(n, given) → (n, new), float64; what is missing stays missing."""
        given = np.asarray(rows, dtype=np.float64)
        # What overflows is infinite, here as in ONNX; `Bounds` comes after.
        with np.errstate(invalid="ignore", over="ignore"):
            if self.is_same_for_all:
                return np.asarray(self.formula([given])[0])
            return np.column_stack(self.formula([given[:, at] for at in range(given.shape[1])]))

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        given = input_features if input_features is not None else getattr(self, "feature_names_in_", None)
        if given is None:
            given = [f"x{at}" for at in range(self.n_features_in_)]
        return np.asarray(self.names([str(name) for name in given]), dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True
