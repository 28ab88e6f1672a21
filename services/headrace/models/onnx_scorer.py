"""Scores by ONNX Runtime; needs neither scikit-learn nor pandas."""

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import onnxruntime

from headrace.models.artifact_error import ArtifactError
from headrace.models.inputs import Columns, Input
from headrace.models.onnx_check import check_onnx

OUTPUT = "score"
_ROWS_AT_ONCE = 4_096
"""Bounds the memory that a large batch takes."""
_ERROR_ONLY = 3
_MOST_MEMORY = 2 << 30
"""Of all models of a process together, in bytes: the operators of a small file can ask for any amount."""
_AS_ASKED_FOR = 1
_arena = threading.Lock()


def input_name(position: int) -> str:
    """Of the model's input at a position: columns may have any name, tensors may not."""
    return f"c{position}"


class OnnxScorer:
    """One tensor [n, 1] per input (`c0`, `c1` …; double or string), one [n, 1] of double out.

    Args:
        content: the ONNX file.
        inputs: of the manifest, in the order of the tensors.

    Raises:
        ArtifactError: it is no ONNX model, reaches outside itself, or has other inputs.
    """

    def __init__(self, content: bytes, inputs: Sequence[Input]) -> None:
        check_onnx(content)
        try:
            _bound_memory()
            # Constants are not computed at loading: that memory would not be of the arena.
            self._session = onnxruntime.InferenceSession(
                content, _options(), providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"]
            )
        except Exception as error:
            raise ArtifactError(f"ONNX Runtime can't load the model: {error}") from error
        self._names = [(input_name(at), field.name) for at, field in enumerate(inputs)]
        wanted = {each.name: each.type for each in self._session.get_inputs()}
        given = {
            input_name(at): "tensor(double)" if field.is_numeric else "tensor(string)"
            for at, field in enumerate(inputs)
        }
        if wanted != given:
            raise ArtifactError("the ONNX model has other inputs than its manifest")
        if [each.name for each in self._session.get_outputs()] != [OUTPUT]:
            raise ArtifactError(f"the ONNX model's one output must be {OUTPUT!r}")

    def score(self, columns: Columns) -> np.ndarray[Any, Any]:
        """One float64 per row.

        Args:
            columns: of `headrace.models.inputs.columns`; other columns are ignored.
        """
        feeds = {tensor: columns[name].reshape(-1, 1) for tensor, name in self._names}
        rows = len(columns[self._names[0][1]])
        if rows <= _ROWS_AT_ONCE:
            return self._run(feeds)
        parts = range(0, rows, _ROWS_AT_ONCE)
        return np.concatenate(
            [self._run({name: tensor[at : at + _ROWS_AT_ONCE] for name, tensor in feeds.items()}) for at in parts]
        )

    def _run(self, feeds: Columns) -> np.ndarray[Any, Any]:
        try:
            scores: np.ndarray[Any, Any] = self._session.run([OUTPUT], feeds)[0]
        except UnicodeEncodeError:
            scores = self._session.run([OUTPUT], {name: _encodable(tensor) for name, tensor in feeds.items()})[0]
        return scores.reshape(-1)


def _encodable(tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """With half of a surrogate pair, which JSON can hold and UTF-8 can't, as other text: no known level anyway."""
    if tensor.dtype != object:
        return tensor
    texts = [str(text).encode(errors="backslashreplace").decode() for text in tensor.ravel()]
    return np.array(texts, dtype=object).reshape(tensor.shape)


def _options() -> Any:
    options = onnxruntime.SessionOptions()
    # A request is one row: threads would cost more than they give, and would spin between requests.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.log_severity_level = _ERROR_ONLY
    return options


def _bound_memory() -> None:
    """Makes the arena that all sessions of this process share."""
    with _arena:
        _make_arena()


@cache
def _make_arena() -> None:
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    bounds = {"max_mem": _MOST_MEMORY, "arena_extend_strategy": _AS_ASKED_FOR}
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(bounds))
