"""What training leaves for later: how inputs and scores were spread, and typical values of inputs.

Drift is measured against the first, and reasons for a prediction are given against the second.
"""

from typing import Any

import numpy as np
import pandas as pd

from headrace.models.drift import shares_of
from headrace.models.inputs import MISSING_TEXT, Input
from headrace.models.manifest import Bins
from headrace.models.records import Value

Array = np.ndarray[Any, Any]

_DECILES = np.arange(1, 10) / 10
_FEW = 10
"""Different numbers up to which each is a bin of its own."""
_MOST_LEVELS = 30


def reference_bins(inputs: tuple[Input, ...], frame: pd.DataFrame, scores: Array) -> dict[str, Bins]:
    """How each input, and `score`, is spread.

    Free text has no bins, and a time moves on by itself. An input that is called `score` gives way to the score.
    """
    found = {
        field.name: numeric_bins(values) if field.is_numeric else level_bins(values)
        for field in inputs
        if field.kind not in ("text", "time") and len(values := frame[field.name].to_numpy())
    }
    return {**found, "score": numeric_bins(scores)}


def numeric_bins(values: Array) -> Bins:
    """Bins by deciles, or one per number where there are few different ones; a value on an edge is in the lower bin."""
    known = values[~np.isnan(values)]
    different = np.unique(known)
    edges = different if len(different) <= _FEW else np.unique(np.quantile(known, _DECILES))
    edges = edges[edges < different[-1]] if len(different) else edges
    if len(edges) == 0 and len(different) > 1:
        edges = different[-2:-1]
    return _filled(Bins(shares=(0.0,) * (len(edges) + 1), edges=tuple(edges.tolist())), values)


def level_bins(values: Array) -> Bins:
    """A bin for each of the most frequent levels, and one for all others."""
    levels, counts = np.unique(values[values != MISSING_TEXT].astype(str), return_counts=True)
    frequent = levels[np.argsort(-counts, kind="stable")][:_MOST_LEVELS].tolist()
    if not frequent:
        return Bins(shares=(0.0, 0.0), missing=1.0, levels=(MISSING_TEXT,))
    return _filled(Bins(shares=(0.0,) * (len(frequent) + 1), levels=tuple(frequent)), values)


def _filled(empty: Bins, values: Array) -> Bins:
    *shares, missing = shares_of(empty, values).tolist()
    return Bins(tuple(shares), missing, empty.edges, empty.levels)


def typical_values(inputs: tuple[Input, ...], frame: pd.DataFrame) -> dict[str, Value]:
    """Each input's median, or most frequent value; None where it has none. Reasons for a prediction start from it."""
    return {field.name: _typical(field, frame[field.name].to_numpy()) for field in inputs}


def _typical(field: Input, values: Array) -> Value:
    known = values[~np.isnan(values)] if field.is_numeric else values[values != MISSING_TEXT].astype(str)
    if len(known) == 0:
        return None
    if field.is_numeric and field.kind != "boolean":
        return float(np.median(known))
    different, counts = np.unique(known, return_counts=True)
    frequent = different[np.argmax(counts)]
    return bool(frequent) if field.is_numeric else str(frequent)
