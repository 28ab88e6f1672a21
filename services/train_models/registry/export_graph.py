"""Builds an ONNX graph of doubles; a tensor of it may stand for an array in a formula of numpy ufuncs."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from onnx import NodeProto, TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"


class NotExportable(Exception):
    """There is no exact ONNX form; says of what."""


class Graph:
    """Nodes and constants so far; the same node over the same inputs is made once."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._known: dict[bytes, Tensor] = {}

    def node(self, operator: str, *inputs: "Tensor", domain: str = "", **attributes: Any) -> "Tensor":
        """Adds an operator with one output."""
        made = helper.make_node(operator, [each.name for each in inputs], [], domain=domain, **attributes)
        key = made.SerializeToString(deterministic=True)
        if key not in self._known:
            name = f"t{len(self.nodes)}"
            made.output.append(name)
            self.nodes.append(made)
            self._known[key] = Tensor(self, name)
        return self._known[key]

    def constant(self, values: Any, dtype: Any = np.float64) -> "Tensor":
        """Adds an array."""
        array = np.ascontiguousarray(values, dtype=dtype)
        key = hashlib.sha256(f"{array.dtype} {array.shape} ".encode() + array.tobytes()).digest()
        if key not in self._known:
            name = f"k{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, name))
            self._known[key] = Tensor(self, name)
        return self._known[key]

    def side_by_side(self, tensors: Sequence["Tensor"]) -> "Tensor":
        """[n, a], [n, b] … → [n, a + b + …]."""
        return tensors[0] if len(tensors) == 1 else self.node("Concat", *tensors, axis=1)

    def take(self, tensor: "Tensor", columns: Sequence[int]) -> "Tensor":
        """[n, k] → those columns."""
        return self.node("Gather", tensor, self.constant(columns, np.int64), axis=1)

    def cast(self, tensor: "Tensor", to: int = TensorProto.DOUBLE) -> "Tensor":
        return self.node("Cast", tensor, to=to)

    def row_sum(self, tensor: "Tensor") -> "Tensor":
        """[n, k] → [n, 1]."""
        return self.node("ReduceSum", tensor, self.constant([1], np.int64), keepdims=1)

    def sigmoid(self, tensor: "Tensor") -> "Tensor":
        """1 / (1 + e⁻ˣ), by the operators whose doubles are exact to the last bits."""
        one = self.constant([1.0])
        return self.node("Div", one, self.node("Add", one, self.node("Exp", self.node("Neg", tensor))))


class Tensor(NDArrayOperatorsMixin):
    """The output of a node; arithmetic on it, and `np.where`, add nodes to its graph."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        form = _UFUNCS.get(ufunc)
        if method != "__call__" or options or form is None:
            raise NotExportable(f"numpy's {ufunc.__name__} has no ONNX form here")
        return form(self.graph, *[self._tensor(each) for each in inputs])

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.where or len(args) != 3 or kwargs:
            raise NotExportable(f"numpy's {function.__name__} has no ONNX form here")
        return self.graph.node("Where", *[self._tensor(each) for each in args])

    def _tensor(self, value: Any) -> "Tensor":
        return value if isinstance(value, Tensor) else self.graph.constant([value])


def _operator(name: str) -> Callable[..., Tensor]:
    return lambda graph, *inputs: graph.node(name, *inputs)


def _not_equal(graph: Graph, left: Tensor, right: Tensor) -> Tensor:
    return graph.node("Not", graph.node("Equal", left, right))


_UFUNCS: dict[Any, Callable[..., Tensor]] = {
    np.add: _operator("Add"),
    np.subtract: _operator("Sub"),
    np.multiply: _operator("Mul"),
    np.divide: _operator("Div"),
    np.negative: _operator("Neg"),
    np.absolute: _operator("Abs"),
    np.sign: _operator("Sign"),
    np.floor: _operator("Floor"),
    np.log: _operator("Log"),
    np.exp: _operator("Exp"),
    np.isnan: _operator("IsNaN"),
    np.maximum: _operator("Max"),
    np.minimum: _operator("Min"),
    np.equal: _operator("Equal"),
    np.not_equal: _not_equal,
    np.less: _operator("Less"),
    np.less_equal: _operator("LessOrEqual"),
    np.greater: _operator("Greater"),
    np.greater_equal: _operator("GreaterOrEqual"),
}
