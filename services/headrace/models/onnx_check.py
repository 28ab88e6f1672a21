"""Refuses an ONNX file that reaches outside itself or may never end, by reading its protobuf before any runtime does.

Tensors may lie in other files (`external_data`), operators may come from libraries beside the standard ones, and of the
standard ones some run other graphs, without end, or make tensors of any size from a few numbers. The numbers of fields
are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; the encoding is
https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator

from headrace.models.artifact_error import ArtifactError

OPERATORS = frozenset(
    {
        "Abs",
        "Add",
        "Cast",
        "Concat",
        "Div",
        "Equal",
        "Exp",
        "Floor",
        "Gather",
        "GreaterOrEqual",
        "Identity",
        "IsNaN",
        "LabelEncoder",
        "Less",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Max",
        "Min",
        "Mul",
        "Neg",
        "ReduceSum",
        "Reshape",
        "Sign",
        "Sub",
        "TreeEnsemble",
        "Where",
    }
)
"""All that `train_models.registry.export_onnx` writes; none runs a graph, or is told the size of its output."""
_OPERATORS = {name.encode() for name in OPERATORS}
_DOMAINS = {b"", b"ai.onnx", b"ai.onnx.ml"}
_MAX_DEPTH = 20
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 10: "tensor", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
}
"""Message → field that holds a message of another kind; a field that isn't here is skipped."""
_REFUSED = {
    ("model", 20): "training steps",
    ("model", 25): "functions",
    ("attribute", 6): "graphs inside its operators",
    ("attribute", 11): "graphs inside its operators",
}
_OPERATOR_FIELD = 4
_DOMAIN_FIELD = {"opset": 1, "node": 7}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def check_onnx(content: bytes) -> None:
    """Refuses anything but a model whose tensors are inside and whose operators are in `OPERATORS`.

    Raises:
        ArtifactError: says what it is instead.
    """
    try:
        kinds = [kind for kind in _walk(memoryview(content), "model", 0)]
    except (IndexError, ValueError) as error:
        raise ArtifactError("the .onnx file is no ONNX model") from error
    if "graph" not in kinds or "opset" not in kinds:
        raise ArtifactError("the .onnx file is no ONNX model")


def _walk(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise ArtifactError(f"the ONNX model is nested more than {_MAX_DEPTH} deep")
    for field, value in _fields(message):
        if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value != 0)):
            raise ArtifactError("the ONNX model wants data from another file, so it isn't loaded")
        if (kind, field) in _REFUSED:
            raise ArtifactError(f"the ONNX model has {_REFUSED[kind, field]}, so it isn't loaded")
        if field == _DOMAIN_FIELD.get(kind) and bytes(_message(value)) not in _DOMAINS:
            raise ArtifactError(
                f"the ONNX model wants operators of {bytes(_message(value))[:60]!r}, so it isn't loaded"
            )
        if kind == "node" and field == _OPERATOR_FIELD and bytes(_message(value)) not in _OPERATORS:
            name = bytes(_message(value))[:60]
            raise ArtifactError(
                f"the ONNX model wants the operator {name!r}, of which no model is made, so it isn't loaded"
            )
        inner = _INSIDE[kind].get(field)
        if inner is not None:
            yield inner
            yield from _walk(_message(value), inner, depth + 1)


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            number, at = _varint(message, at)
            yield key >> 3, number
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError("a kind of field that protobuf 3 doesn't write")
        if at + size > len(message):
            raise ValueError("a field that ends after its message")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number of more than ten bytes")
