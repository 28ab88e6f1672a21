"""Writes a fitted pipeline as ONNX, from raw columns to one score, all in doubles."""

from collections.abc import Sequence
from typing import Any

from onnx import TensorProto, checker, helper

from headrace.models.inputs import Input
from headrace.models.onnx_scorer import OUTPUT, input_name
from train_models.registry.export_graph import ML, Graph, NotExportable, Tensor
from train_models.registry.export_models import convert_model

__all__ = ["NotExportable", "export_onnx"]

OPSET, ML_OPSET, IR_VERSION = 21, 5, 10
"""The first with TreeEnsemble in doubles, and no newer than needed, so that older runtimes load it."""


def export_onnx(fitted: Any, inputs: Sequence[Input]) -> bytes:
    """The model's bytes; the same fitted parameters give the same.

    Its inputs are `c0`, `c1` … in the order of `inputs`, each [n, 1] of double or string; its output is `score`, [n, 1]
    of double: the probability of the positive class, or the value.

    Raises:
        NotExportable: a part has no exact ONNX form; says which.
    """
    graph = Graph()
    columns = {field.name: Tensor(graph, input_name(at)) for at, field in enumerate(inputs)}
    score = convert_model(graph, fitted, columns)
    graph.nodes.append(helper.make_node("Identity", [score.name], [OUTPUT]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "headrace",
            [
                helper.make_tensor_value_info(
                    input_name(at), TensorProto.DOUBLE if field.is_numeric else TensorProto.STRING, [None, 1]
                )
                for at, field in enumerate(inputs)
            ],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, 1])],
            initializer=graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
        ir_version=IR_VERSION,
        producer_name="headrace",
    )
    checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
