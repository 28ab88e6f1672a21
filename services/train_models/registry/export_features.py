"""ONNX forms of the steps before the algorithm."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from headrace.models.steps.traced import TracedStep
from train_models.registry.export_graph import ML, Graph, NotExportable, Tensor

Columns = dict[str, Tensor]
"""Raw columns by name, each [n, 1], of doubles or of strings."""
Given = Columns | Tensor

_NO_LEVEL = "\x00 no level is called so"


def convert_step(graph: Graph, step: Any, given: Given) -> Tensor:
    """The output of a fitted transformer, [n, features], double.

    Raises:
        NotExportable: there is no exact form.
    """
    if isinstance(step, TracedStep):
        return _traced(graph, step, given)
    form = _STEPS.get(type(step))
    if form is None:
        raise NotExportable(f"{type(step).__name__} has no exact ONNX form here")
    return form(graph, step, given)


def convert_steps(graph: Graph, steps: Sequence[tuple[str, Any]], given: Given) -> Given:
    """The output of fitted steps one after the other; resampling ones only act while fitting."""
    for _name, step in steps:
        if step is None or step == "passthrough" or hasattr(step, "fit_resample"):
            continue
        given = convert_step(graph, step, given)
    return given


def numbers(graph: Graph, given: Given) -> Tensor:
    """As one tensor."""
    return given if isinstance(given, Tensor) else graph.side_by_side(list(given.values()))


def _pipeline(graph: Graph, step: Pipeline, given: Given) -> Tensor:
    return numbers(graph, convert_steps(graph, step.steps, given))


def _column_transformer(graph: Graph, step: ColumnTransformer, given: Given) -> Tensor:
    if isinstance(given, Tensor):
        raise NotExportable("a ColumnTransformer has an ONNX form over raw columns only")
    parts = []
    for _name, inner, columns in step.transformers_:
        names = [columns] if isinstance(columns, str) else list(columns)
        if inner == "drop" or not names:
            continue
        chosen = {name: given[name] for name in names}
        parts.append(numbers(graph, chosen) if inner == "passthrough" else convert_step(graph, inner, chosen))
    return graph.side_by_side(parts)


def _unchanged(graph: Graph, step: FunctionTransformer, given: Given) -> Tensor:
    """What scikit-learn makes of `passthrough`."""
    if step.func is not None:
        raise NotExportable("a function as a step has no ONNX form")
    return numbers(graph, given)


def _imputer(graph: Graph, step: SimpleImputer, given: Given) -> Tensor:
    tensor = numbers(graph, given)
    missing = graph.node("IsNaN", tensor)
    filled = graph.node("Where", missing, graph.constant([np.asarray(step.statistics_, dtype=np.float64)]), tensor)
    if step.indicator_ is None or len(step.indicator_.features_) == 0:
        return filled
    indicated = graph.take(graph.cast(missing), [int(at) for at in step.indicator_.features_])
    return graph.side_by_side([filled, indicated])


def _scaler(graph: Graph, step: StandardScaler, given: Given) -> Tensor:
    tensor = numbers(graph, given)
    if step.mean_ is not None:
        tensor = tensor - graph.constant([step.mean_])
    return tensor if step.scale_ is None else tensor / graph.constant([step.scale_])


def _components(graph: Graph, step: PCA, given: Given) -> Tensor:
    if step.whiten:
        raise NotExportable("whitened principal components have no ONNX form here")
    turned = graph.node("MatMul", numbers(graph, given), graph.constant(step.components_.T))
    centred: Tensor = turned - graph.constant(step.mean_.reshape(1, -1) @ step.components_.T)
    return centred


def _one_hot(graph: Graph, step: OneHotEncoder, given: Given) -> Tensor:
    """Per column the number of its level, and by that number the row of a table."""
    columns = _raw(given, "one-hot encoding")
    rare = getattr(step, "infrequent_categories_", [None] * len(columns))
    widths = [
        len(levels) if few is None else len(levels) - len(few) + 1
        for levels, few in zip(step.categories_, rare, strict=True)
    ]
    ends = np.cumsum([0, *widths])
    parts = []
    for at, tensor in enumerate(columns):
        levels = list(step.categories_[at])
        probe = np.empty((len(levels) + 1, len(columns)), dtype=object)
        probe[:] = [each[0] for each in step.categories_]
        probe[:, at] = [*levels, _NO_LEVEL]
        rows = pd.DataFrame(probe, columns=getattr(step, "feature_names_in_", None))
        table = np.asarray(step.transform(rows), dtype=np.float64)[:, ends[at] : ends[at + 1]]
        parts.append(graph.node("Gather", graph.constant(table), _level_number(graph, tensor, levels), axis=0))
    joined = parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=2)
    return graph.node("Reshape", joined, graph.constant([-1, ends[-1]], np.int64))


def _ordinal(graph: Graph, step: OrdinalEncoder, given: Given) -> Tensor:
    columns = _raw(given, "ordinal encoding")
    parts = [
        graph.cast(_level_number(graph, tensor, list(levels), int(step.unknown_value)))
        for tensor, levels in zip(columns, step.categories_, strict=True)
    ]
    return graph.side_by_side(parts)


def _level_number(graph: Graph, tensor: Tensor, levels: Sequence[str], other: int | None = None) -> Tensor:
    if not all(isinstance(level, str) for level in levels):
        raise NotExportable("levels that are no text have no ONNX form here")
    return graph.node(
        "LabelEncoder",
        tensor,
        domain=ML,
        keys_strings=[str(level) for level in levels],
        values_int64s=list(range(len(levels))),
        default_int64=len(levels) if other is None else other,
    )


def _raw(given: Given, what: str) -> list[Tensor]:
    if isinstance(given, Tensor):
        raise NotExportable(f"{what} has an ONNX form over raw columns only")
    return list(given.values())


def _traced(graph: Graph, step: TracedStep, given: Given) -> Tensor:
    if step.is_same_for_all:
        given = {"all": numbers(graph, given)}
    elif isinstance(given, Tensor):
        given = {str(at): graph.take(given, [at]) for at in range(step.n_features_in_)}
    return graph.side_by_side(step.formula(list(given.values())))


_STEPS: dict[type, Callable[[Graph, Any, Given], Tensor]] = {
    FunctionTransformer: _unchanged,
    ColumnTransformer: _column_transformer,
    OneHotEncoder: _one_hot,
    OrdinalEncoder: _ordinal,
    PCA: _components,
    Pipeline: _pipeline,
    SimpleImputer: _imputer,
    StandardScaler: _scaler,
}
