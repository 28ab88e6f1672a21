"""ONNX forms of what is made of fitted algorithms: pipelines, averages and calibrated classifiers."""

from typing import Any

from imblearn.pipeline import Pipeline as ResamplingPipeline
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from headrace.models.steps.calibrated import Calibrated
from train_models.registry.export_algorithms import MARGINS, SCORES
from train_models.registry.export_calibration import calibrated, calibrated_by_sklearn
from train_models.registry.export_features import Given, convert_steps
from train_models.registry.export_graph import Graph, NotExportable, Tensor


def convert_model(graph: Graph, model: Any, given: Given) -> Tensor:
    """The probability of the second class, or the value, [n, 1].

    Raises:
        NotExportable: there is no exact form; says of what.
    """
    if len(getattr(model, "classes_", (0, 1))) != 2:
        raise NotExportable(f"{type(model).__name__} has other than two classes")
    if isinstance(model, (Pipeline, ResamplingPipeline)):
        return convert_model(graph, model.steps[-1][1], convert_steps(graph, model.steps[:-1], given))
    if isinstance(model, FrozenEstimator):
        return convert_model(graph, model.estimator, given)
    if isinstance(model, (VotingClassifier, VotingRegressor)):
        return _average(graph, model, given)
    if isinstance(model, Calibrated):
        return calibrated(graph, model, convert_model(graph, model.estimator, given))
    if isinstance(model, CalibratedClassifierCV):
        return _mean(_calibrated_folds(graph, model, given))
    if type(model) not in SCORES:
        raise NotExportable(f"{type(model).__name__} has no exact ONNX form here")
    return SCORES[type(model)](graph, model, given)


def convert_margin(graph: Graph, model: Any, given: Given) -> Tensor:
    """What scikit-learn's `decision_function` gives, [n, 1]; of a model without one, its probability.

    Raises:
        NotExportable: there is no exact form; says of what.
    """
    if isinstance(model, (Pipeline, ResamplingPipeline)):
        return convert_margin(graph, model.steps[-1][1], convert_steps(graph, model.steps[:-1], given))
    if isinstance(model, FrozenEstimator):
        return convert_margin(graph, model.estimator, given)
    if type(model) in MARGINS:
        return MARGINS[type(model)](graph, model, given)
    if hasattr(model, "decision_function"):
        raise NotExportable(f"the decision function of {type(model).__name__} has no exact ONNX form here")
    return convert_model(graph, model, given)


def _average(graph: Graph, model: Any, given: Given) -> Tensor:
    if getattr(model, "voting", "soft") != "soft":
        raise NotExportable("a vote by classes gives no probability: vote softly")
    scores = [convert_model(graph, each, given) for each in model.estimators_]
    if model.weights is None:
        return _mean(scores)
    weights = [float(each) for each in model.weights]
    weighted = [score * weight for score, weight in zip(scores, weights, strict=True)]
    average: Tensor = _sum(weighted) / sum(weights)
    return average


def _calibrated_folds(graph: Graph, model: CalibratedClassifierCV, given: Given) -> list[Tensor]:
    return [
        calibrated_by_sklearn(graph, fold.calibrators[0], convert_margin(graph, fold.estimator, given))
        for fold in model.calibrated_classifiers_
    ]


def _sum(tensors: list[Tensor]) -> Any:
    total: Any = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total


def _mean(tensors: list[Tensor]) -> Tensor:
    mean: Tensor = _sum(tensors) / float(len(tensors))
    return mean
