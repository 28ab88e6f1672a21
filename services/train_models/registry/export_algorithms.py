"""ONNX forms of single fitted algorithms, over features."""

from collections.abc import Callable
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from onnx import TensorProto
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from train_models.registry.export_features import Given, numbers
from train_models.registry.export_graph import Graph, NotExportable, Tensor
from train_models.registry.export_trees import forest_mean, hist_boosting_sum, lightgbm_sum

Form = Callable[[Graph, Any, Given], Tensor]

_LIGHTGBM_LINKS = {
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "binary": "sigmoid",
}


def _constant_class(graph: Graph, model: DummyClassifier, given: Given) -> Tensor:
    if model.strategy not in ("prior", "most_frequent"):
        raise NotExportable(f"a DummyClassifier that answers {model.strategy} has no ONNX form")
    prior = np.asarray(model.class_prior_, dtype=np.float64)
    return _repeated(graph, prior[1] if model.strategy == "prior" else float(np.argmax(prior) == 1), given)


def _constant_value(graph: Graph, model: DummyRegressor, given: Given) -> Tensor:
    return _repeated(graph, float(np.ravel(model.constant_)[0]), given)


def _repeated(graph: Graph, value: float, given: Given) -> Tensor:
    """The value in each row, [n, 1]; by a look-up, as a shape that is computed could be of any size."""
    if not isinstance(given, Tensor):
        raise NotExportable("a constant has an ONNX form over features only")
    is_missing = graph.cast(graph.node("IsNaN", graph.take(given, [0])), TensorProto.INT64)
    return graph.node("Gather", graph.constant([value, value]), is_missing, axis=0)


def _linear(graph: Graph, model: Any, given: Given) -> Tensor:
    weights = np.asarray(model.coef_, dtype=np.float64).reshape(1, -1).T
    intercept = float(np.ravel(model.intercept_)[0])
    total: Tensor = graph.node("MatMul", numbers(graph, given), graph.constant(weights)) + intercept
    return total


def _logistic(graph: Graph, model: LogisticRegression, given: Given) -> Tensor:
    return graph.sigmoid(_linear(graph, model, given))


def _forest_class(graph: Graph, model: Any, given: Given) -> Tensor:
    return forest_mean(graph, model, numbers(graph, given), target=1)


def _forest_value(graph: Graph, model: Any, given: Given) -> Tensor:
    return forest_mean(graph, model, numbers(graph, given), target=None)


def _lightgbm(graph: Graph, model: Any, given: Given) -> Tensor:
    objective, *parameters = str(model.booster_.dump_model()["objective"]).split(" ")
    link = _LIGHTGBM_LINKS.get(objective)
    if link is None or "sqrt" in parameters or (link == "sigmoid" and parameters != ["sigmoid:1"]):
        raise NotExportable(f"LightGBM's objective {' '.join([objective, *parameters])} has no ONNX form here")
    return _linked(graph, lightgbm_sum(graph, model.booster_, numbers(graph, given)), link)


def _hist_boosting(graph: Graph, model: Any, given: Given) -> Tensor:
    link = {"IdentityLink": "identity", "LogLink": "exp", "LogitLink": "sigmoid"}.get(type(model._loss.link).__name__)
    if link is None:
        raise NotExportable(f"histogram gradient boosting's {type(model._loss).__name__} has no ONNX form here")
    return _linked(graph, hist_boosting_sum(graph, model, numbers(graph, given)), link)


def _linked(graph: Graph, raw: Tensor, link: str) -> Tensor:
    if link == "sigmoid":
        return graph.sigmoid(raw)
    return graph.node("Exp", raw) if link == "exp" else raw


def _kernel_sum(graph: Graph, model: Any, given: Given) -> Tensor:
    """The sum over support vectors, of the kernels linear and rbf."""
    tensor = numbers(graph, given)
    vectors = np.asarray(model.support_vectors_, dtype=np.float64)
    kernel = graph.node("MatMul", tensor, graph.constant(vectors.T))
    if model.kernel == "rbf":
        squares = graph.row_sum(tensor * tensor) + graph.constant([(vectors**2).sum(axis=1)])
        kernel = graph.node("Exp", (squares - kernel * 2.0) * -float(model._gamma))
    elif model.kernel != "linear":
        raise NotExportable(f"the kernel {model.kernel} has no ONNX form here")
    weights = np.asarray(model.dual_coef_, dtype=np.float64).reshape(-1, 1)
    total: Tensor = graph.node("MatMul", kernel, graph.constant(weights)) + float(model.intercept_[0])
    return total


def _lightgbm_raw(graph: Graph, model: LGBMClassifier, given: Given) -> Tensor:
    return lightgbm_sum(graph, model.booster_, numbers(graph, given))


def _hist_boosting_raw(graph: Graph, model: HistGradientBoostingClassifier, given: Given) -> Tensor:
    return hist_boosting_sum(graph, model, numbers(graph, given))


SCORES: dict[type, Form] = {
    DecisionTreeClassifier: _forest_class,
    DecisionTreeRegressor: _forest_value,
    DummyClassifier: _constant_class,
    DummyRegressor: _constant_value,
    ElasticNet: _linear,
    HistGradientBoostingClassifier: _hist_boosting,
    HistGradientBoostingRegressor: _hist_boosting,
    LGBMClassifier: _lightgbm,
    LGBMRegressor: _lightgbm,
    Lasso: _linear,
    LinearRegression: _linear,
    LogisticRegression: _logistic,
    RandomForestClassifier: _forest_class,
    RandomForestRegressor: _forest_value,
    Ridge: _linear,
    SVR: _kernel_sum,
}
"""Type → its probability of the second class, or its value, [n, 1]."""

MARGINS: dict[type, Form] = {
    HistGradientBoostingClassifier: _hist_boosting_raw,
    LGBMClassifier: _lightgbm_raw,
    LogisticRegression: _linear,
    SVC: _kernel_sum,
}
"""Type → its decision function, [n, 1]."""
