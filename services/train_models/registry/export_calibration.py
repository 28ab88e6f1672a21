"""ONNX forms of the curves from a score to a calibrated probability."""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.isotonic import IsotonicRegression

from headrace.models.steps.calibrated import LEAST_ODDS, Calibrated
from train_models.registry.export_graph import Graph, NotExportable, Tensor


def calibrated(graph: Graph, model: Calibrated, score: Tensor) -> Tensor:
    """Our own curve, of the probability of the second class, [n, 1]."""
    if model.method == "isotonic":
        return interpolate(graph, score, model.points_x, model.points_y)
    low, high = graph.constant([LEAST_ODDS]), graph.constant([1 - LEAST_ODDS])
    inside = graph.node("Min", graph.node("Max", score, low), high)
    odds = np.log(inside / (1.0 - inside))
    return graph.sigmoid(odds * float(model.points_x[0]) + float(model.points_y[0]))


def calibrated_by_sklearn(graph: Graph, calibrator: Any, margin: Tensor) -> Tensor:
    """A curve of scikit-learn's `CalibratedClassifierCV`, of the decision function, [n, 1]."""
    if isinstance(calibrator, IsotonicRegression):
        return interpolate(graph, margin, calibrator.X_thresholds_, calibrator.y_thresholds_)
    if not hasattr(calibrator, "a_"):
        raise NotExportable(f"calibration by {type(calibrator).__name__} has no exact ONNX form here")
    return graph.sigmoid(-(margin * float(calibrator.a_) + float(calibrator.b_)))


def interpolate(graph: Graph, tensor: Tensor, points_x: Any, points_y: Any) -> Tensor:
    """`np.interp` of [n, 1], by the same operations in the same order."""
    x, y = np.asarray(points_x, dtype=np.float64), np.asarray(points_y, dtype=np.float64)
    inside = graph.node("Min", graph.node("Max", tensor, graph.constant([x[0]])), graph.constant([x[-1]]))
    if len(x) == 1:
        constant: Tensor = inside * 0.0 + float(y[0])
        return constant
    # The first piece where no later one is reached: infinitely far is no number that is ever reached.
    passed = graph.node("GreaterOrEqual", inside, graph.constant([[*x[1:-1], np.inf]]))
    piece = graph.row_sum(graph.cast(passed, TensorProto.INT64))
    start, value, slope = (
        graph.node("Gather", graph.constant(each), piece, axis=0) for each in (x[:-1], y[:-1], np.diff(y) / np.diff(x))
    )
    risen = slope * (inside - start) + value
    # At its last point a piece may miss the value by its last bits.
    is_last = graph.node("GreaterOrEqual", inside, graph.constant([x[-1]]))
    return graph.node("Where", is_last, graph.constant([y[-1]]), risen)
