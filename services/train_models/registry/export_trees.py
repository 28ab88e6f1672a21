"""ONNX forms of trees: their thresholds and leaves stay doubles, so that every row goes the way it went in training.

skl2onnx 1.20 and onnxmltools 1.16 write trees of float32, which round scores and thresholds. Of doubles ONNX Runtime
1.32 loads neither of their boosted trees, and their forests send other rows another way, as scikit-learn's see float32.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from train_models.registry.export_graph import ML, Graph, NotExportable, Tensor

_LESS_OR_EQUAL = 0
_SUM = 1
_NO_TRANSFORM = 0


@dataclass
class Ensemble:
    """Trees as the operator `TreeEnsemble` (ai.onnx.ml 5) takes them.

    A node sends x[feature] <= threshold to its first child; `missing_first` says where NaN goes.
    """

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    missing_first: list[int] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)
    child_is_leaf: list[list[int]] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)

    def add_node(self, feature: int, threshold: float, missing_first: bool) -> int:
        """Returns its number; its children are set by `link`."""
        self.features.append(feature)
        self.thresholds.append(threshold)
        self.missing_first.append(int(missing_first))
        self.children.append([0, 0])
        self.child_is_leaf.append([0, 0])
        return len(self.features) - 1

    def link(self, parent: int, side: int, child: int, is_leaf: bool) -> None:
        self.children[parent][side] = child
        self.child_is_leaf[parent][side] = int(is_leaf)

    def add_leaf(self, value: float) -> int:
        self.leaves.append(value)
        return len(self.leaves) - 1

    def convert(self, graph: Graph, tensor: Tensor) -> Tensor:
        """The sum over all trees, [n, 1]."""
        nodes = len(self.features)
        return graph.node(
            "TreeEnsemble",
            tensor,
            domain=ML,
            n_targets=1,
            aggregate_function=_SUM,
            post_transform=_NO_TRANSFORM,
            tree_roots=self.roots,
            nodes_featureids=self.features,
            nodes_splits=numpy_helper.from_array(np.array(self.thresholds, dtype=np.float64), "splits"),
            nodes_modes=numpy_helper.from_array(np.full(nodes, _LESS_OR_EQUAL, dtype=np.uint8), "modes"),
            nodes_truenodeids=[first for first, _ in self.children],
            nodes_falsenodeids=[second for _, second in self.children],
            nodes_trueleafs=[first for first, _ in self.child_is_leaf],
            nodes_falseleafs=[second for _, second in self.child_is_leaf],
            nodes_missing_value_tracks_true=self.missing_first,
            leaf_targetids=[0] * len(self.leaves),
            leaf_weights=numpy_helper.from_array(np.array(self.leaves, dtype=np.float64), "leaves"),
        )


def _add_stump(ensemble: Ensemble, value: float) -> None:
    """A tree of one leaf, which the operator doesn't have: a node with the leaf on both sides."""
    root = ensemble.add_node(0, 0.0, False)
    leaf = ensemble.add_leaf(value)
    ensemble.link(root, 0, leaf, is_leaf=True)
    ensemble.link(root, 1, leaf, is_leaf=True)
    ensemble.roots.append(root)


def lightgbm_sum(graph: Graph, booster: Any, tensor: Tensor) -> Tensor:
    """The raw score of a LightGBM booster, [n, 1]."""
    model = booster.dump_model()
    ensemble = Ensemble()
    for tree in model["tree_info"]:
        _add_lightgbm_tree(ensemble, tree["tree_structure"])
    total = ensemble.convert(graph, tensor)
    if model.get("average_output"):
        total = total / float(len(model["tree_info"]))
    return total


def _add_lightgbm_tree(ensemble: Ensemble, root: dict[str, Any]) -> None:
    if "split_feature" not in root:
        _add_stump(ensemble, root["leaf_value"])
        return
    left: list[tuple[dict[str, Any], int, int]] = [(root, -1, 0)]
    while left:
        part, parent, side = left.pop()
        if "split_feature" in part:
            number = ensemble.add_node(part["split_feature"], part["threshold"], _lightgbm_missing_first(part))
            left += [(part["right_child"], number, 1), (part["left_child"], number, 0)]
        else:
            if "leaf_coeff" in part:
                raise NotExportable("LightGBM's linear trees have no ONNX form")
            number = ensemble.add_leaf(part["leaf_value"])
        if parent < 0:
            ensemble.roots.append(number)
        else:
            ensemble.link(parent, side, number, is_leaf="split_feature" not in part)


def _lightgbm_missing_first(node: dict[str, Any]) -> bool:
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise NotExportable("LightGBM's own categories, and zero as missing, have no exact ONNX form here")
    # Where training saw nothing missing, LightGBM takes NaN as 0.
    return bool(node["default_left"]) if node["missing_type"] == "NaN" else bool(node["threshold"] >= 0.0)


def hist_boosting_sum(graph: Graph, model: Any, tensor: Tensor) -> Tensor:
    """The raw score of scikit-learn's histogram gradient boosting, [n, 1]."""
    ensemble = Ensemble()
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        if nodes["is_categorical"].any():
            raise NotExportable("histogram gradient boosting's own categories have no ONNX form here")
        is_leaf = nodes["is_leaf"].astype(bool)
        _add_tree(
            ensemble,
            is_leaf,
            (nodes["left"], nodes["right"]),
            nodes["feature_idx"],
            nodes["num_threshold"],
            nodes["missing_go_to_left"],
            nodes["value"],
        )
    total: Tensor = ensemble.convert(graph, tensor) + float(np.ravel(model._baseline_prediction)[0])
    return total


def forest_mean(graph: Graph, model: Any, tensor: Tensor, target: int | None) -> Tensor:
    """The mean over a scikit-learn forest, [n, 1]: of the share of class `target`, or of the value."""
    ensemble = Ensemble()
    for tree in _trees_of(model):
        state = tree.__getstate__()
        nodes, values = state["nodes"], state["values"][:, 0, :]
        leaf_values = values[:, 0] if target is None else values[:, target] / values.sum(axis=1)
        _add_tree(
            ensemble,
            nodes["left_child"] < 0,
            (nodes["left_child"], nodes["right_child"]),
            nodes["feature"],
            nodes["threshold"],
            nodes["missing_go_to_left"],
            leaf_values,
        )
    # scikit-learn's trees see float32.
    rounded = graph.cast(graph.cast(tensor, TensorProto.FLOAT))
    mean: Tensor = ensemble.convert(graph, rounded) / float(len(ensemble.roots))
    return mean


def _trees_of(model: Any) -> Iterator[Any]:
    for each in getattr(model, "estimators_", [model]):
        yield each.tree_


def _add_tree(
    ensemble: Ensemble,
    is_leaf: Any,
    children: tuple[Any, Any],
    features: Any,
    thresholds: Any,
    missing_first: Any,
    values: Any,
) -> None:
    """A tree whose node 0 is the root and whose children are by number."""
    if is_leaf[0]:
        _add_stump(ensemble, float(values[0]))
        return
    numbers = [
        ensemble.add_leaf(float(values[at]))
        if is_leaf[at]
        else ensemble.add_node(int(features[at]), float(thresholds[at]), bool(missing_first[at]))
        for at in range(len(is_leaf))
    ]
    for at in np.flatnonzero(~is_leaf):
        for side in (0, 1):
            child = int(children[side][at])
            ensemble.link(numbers[at], side, numbers[child], is_leaf=bool(is_leaf[child]))
    ensemble.roots.append(numbers[0])
