"""MLflow's own server on the same model and the same runtime, beside which serve_api is measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow.onnx
import pandas as pd
from mlflow.models import infer_signature
from onnx import TensorProto, helper, load_from_string, numpy_helper

from headrace.models.inputs import columns
from headrace.models.onnx_scorer import input_name
from loadtest.churn_model import INPUTS, Fitted, Row
from train_models.registry.export_onnx import export_onnx


def log_model(fitted: Fitted, folder: Path) -> None:
    """Saves the model in MLflow's ONNX flavour."""
    frame = _frame(fitted.rows[:100])
    mlflow.onnx.save_model(
        _of_vectors(export_onnx(fitted.pipeline, INPUTS)), str(folder), signature=infer_signature(frame)
    )


def command(folder: Path, port: int) -> list[str]:
    """The command line of its server, in this environment, with one worker."""
    serve = ["models", "serve", "-m", str(folder), "--env-manager", "local", "-h", "127.0.0.1", "-p", str(port)]
    return [sys.executable, "-m", "mlflow", *serve, "--workers", "1"]


def body(row: Row) -> bytes:
    """One row as it takes it."""
    frame = _frame([row])
    values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return json.dumps({"dataframe_split": {"columns": list(frame.columns), "data": values}}).encode()


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(columns(INPUTS, rows))
    frame.columns = pd.Index([_vector(at) for at in range(len(INPUTS))])
    return frame


def _vector(at: int) -> str:
    return f"v{at}"


def _of_vectors(content: bytes) -> Any:
    """The same graph with a vector for each input: MLflow gives a data frame's columns as such."""
    model = load_from_string(content)
    model.graph.initializer.append(numpy_helper.from_array(pd.Series([1]).to_numpy(), "column_axis"))
    del model.graph.input[:]
    for at, field in reversed(list(enumerate(INPUTS))):
        kind = TensorProto.DOUBLE if field.is_numeric else TensorProto.STRING
        model.graph.input.insert(0, helper.make_tensor_value_info(_vector(at), kind, [None]))
        model.graph.node.insert(0, helper.make_node("Unsqueeze", [_vector(at), "column_axis"], [input_name(at)]))
    return model
