"""What would run code when unpacked is refused under each name, also when it is signed; nothing of it runs."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from headrace.models.artifact import ArtifactError, load_artifact
from headrace.models.artifact_folder import check_name
from headrace.models.manifest import encode_manifest, sha256
from headrace.models.onnx_check import check_onnx
from headrace.models.onnx_scorer import OnnxScorer
from headrace.models.signing import sign
from headrace.models.skops_scorer import check_skops
from tests.unit.headrace.models import small_model
from tests.unit.headrace.models.small_model import INPUTS, KEY, manifest, skops_bytes


class Bomb:
    """Makes a file when unpickled."""

    def __init__(self, fuse: Path) -> None:
        self.fuse = fuse

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.fuse),)


def joblib_bytes(bomb: Bomb) -> bytes:
    import joblib

    file = io.BytesIO()
    joblib.dump(bomb, file)
    return file.getvalue()


def npy_bytes(bomb: Bomb) -> bytes:
    file = io.BytesIO()
    array = np.empty(1, dtype=object)
    array[0] = bomb
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


KINDS: dict[str, Callable[[Bomb], bytes]] = {"pickle": pickle.dumps, "joblib": joblib_bytes, "npy": npy_bytes}


def load_signed(folder: Path, files: dict[str, bytes], **changes: Any) -> None:
    """Loads an artifact that somebody with the key wrote past all checks of names."""
    folder.mkdir()
    listed = {name: sha256(content) for name, content in files.items()}
    content = encode_manifest(manifest(files=listed, **changes))
    for name, each in {**files, "manifest.json": content, "manifest.sig": sign(KEY, content)}.items():
        (folder / name).write_bytes(each)
    load_artifact(folder, manifest_sha256=None, public_keys=[KEY.public_key()], scratch=folder / "scratch")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model.onnx", "model.skops", "model.json", "model.pkl", "model.joblib", "model.npy"])
def test_bomb_under_each_name(tmp_path: Path, name: str, kind: str) -> None:
    fuse = tmp_path / "it-ran"
    with pytest.raises(ArtifactError):
        load_signed(tmp_path / "v1", {name: KINDS[kind](Bomb(fuse))})
    assert not fuse.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_bomb_as_the_manifest(tmp_path: Path, kind: str) -> None:
    fuse, folder = tmp_path / "it-ran", tmp_path / "v1"
    folder.mkdir()
    content = KINDS[kind](Bomb(fuse))
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_bytes(sign(KEY, content))
    with pytest.raises(ArtifactError, match="no manifest"):
        load_artifact(folder, manifest_sha256=None, public_keys=[KEY.public_key()], scratch=tmp_path)
    assert not fuse.exists()


def test_the_bombs_would_run(tmp_path: Path) -> None:
    fuse = tmp_path / "it-ran"
    pickle.loads(KINDS["pickle"](Bomb(fuse)))  # noqa: S301 - shows that the tests above test something
    assert fuse.exists()


def repacked(content: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    change(files)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name, each in files.items():
            packed.writestr(name, each)
    return made.getvalue()


@pytest.mark.parametrize("name", ["more.pkl", "../more.npy", "sub/more.npy", "more"])
def test_skops_file_with_more_than_arrays(tmp_path: Path, name: str) -> None:
    fuse = tmp_path / "it-ran"
    content = repacked(skops_bytes(), lambda files: files.update({name: pickle.dumps(Bomb(fuse))}))
    with pytest.raises(ArtifactError, match="which is no array"):
        load_signed(tmp_path / "v1", {"model.skops": content})
    assert not fuse.exists()


def test_skops_file_whose_array_is_a_bomb(tmp_path: Path) -> None:
    fuse = tmp_path / "it-ran"

    def change(files: dict[str, bytes]) -> None:
        for name in files:
            if name.endswith(".npy"):
                files[name] = npy_bytes(Bomb(fuse))

    with pytest.raises(ArtifactError, match="can't be loaded"):
        load_signed(tmp_path / "v1", {"model.skops": repacked(skops_bytes(), change)})
    assert not fuse.exists()


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("builtins", "eval", "TypeNode"),
        ("sklearn.preprocessing._function_transformer", "FunctionTransformer", "ObjectNode"),
        ("sklearn.ensemble._forest", "RandomForestClassifier", "ObjectNode"),
    ],
)
def test_skops_file_with_another_type(tmp_path: Path, module: str, name: str, loader: str) -> None:
    """The last two are trusted by skops itself, and no logistic regression is made of them."""

    def change(files: dict[str, bytes]) -> None:
        schema = json.loads(files["schema.json"])
        schema["content"]["more"] = {"__module__": module, "__class__": name, "__loader__": loader, "content": {}}
        files["schema.json"] = json.dumps(schema).encode()

    with pytest.raises(ArtifactError, match=rf"holds {module}\.{name}, of which no logistic model is made"):
        load_signed(tmp_path / "v1", {"model.skops": repacked(skops_bytes(), change)})


def test_skops_file_that_makes_parts_in_another_way(tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        schema = json.loads(files["schema.json"])
        schema["__loader__"] = "MethodNode"
        files["schema.json"] = json.dumps(schema).encode()

    with pytest.raises(ArtifactError, match="wants MethodNode, which isn't allowed"):
        load_signed(tmp_path / "v1", {"model.skops": repacked(skops_bytes(), change)})


def test_skops_file_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.models.skops_scorer._MAX_UNPACKED", 1_000)
    with pytest.raises(ArtifactError, match="when unpacked"):
        load_signed(tmp_path / "v1", {"model.skops": skops_bytes()})


def sparse_zeros(size: int, ids: list[int | None]) -> bytes:
    """A skops file that has an array of zeros, packed, as often as there are ids."""
    part = {"__class__": "csr_matrix", "__module__": "scipy.sparse._csr", "__loader__": "SparseMatrixNode"}
    parts = [{**part, "file": "zeros.npz", "__id__": each} for each in ids]
    zeros, made = io.BytesIO(), io.BytesIO()
    np.savez_compressed(zeros, data=np.zeros(size, dtype=np.uint8))
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("schema.json", json.dumps({"content": parts}))
        packed.writestr("zeros.npz", zeros.getvalue())
    return made.getvalue()


def test_skops_file_whose_packed_arrays_unpack_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.models.skops_scorer._MAX_UNPACKED", 1 << 20)
    check_skops(sparse_zeros(600_000, [1]), "svm")
    # Of the same id it is read once.
    check_skops(sparse_zeros(600_000, [1, 1]), "svm")
    for content in (sparse_zeros(2_000_000, [1]), sparse_zeros(600_000, [1, 2]), sparse_zeros(600_000, [None, None])):
        assert len(content) < 10_000
        with pytest.raises(ArtifactError, match="when unpacked"):
            check_skops(content, "svm")


def test_skops_file_that_is_small_and_holds_much() -> None:
    content = sparse_zeros(70 << 20, [1])
    assert len(content) < 100_000
    with pytest.raises(ArtifactError, match="larger than 64 MB when unpacked"):
        check_skops(content, "svm")


def test_skops_file_with_too_large_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.models.skops_scorer._MAX_SCHEMA", 1_000)
    with pytest.raises(ArtifactError, match=r"has a schema\.json of more than"):
        check_skops(skops_bytes(), "logistic")


def onnx_bytes(*, domain: str = "", location: str = "", inside: str = "initializer") -> bytes:
    """A model with a foreign operator, or whose data lies in a file; at the top or in an attribute."""
    tensor = numpy_helper.from_array(np.ones(1), "k")
    if location:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
    nodes = [helper.make_node("Add", ["c0", "k"], ["score"], domain=domain)]
    if inside == "attribute":
        nodes.insert(0, helper.make_node("Identity", [], ["k"], value=tensor))
    return onnx_model(nodes, [tensor] if inside == "initializer" else [])


def onnx_model(nodes: list[NodeProto], constants: list[TensorProto], **parts: Any) -> bytes:
    """From `c0` to `score`, both [n, 1] of double."""
    ends = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in ("c0", "score")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializer=constants)
    opsets = [helper.make_opsetid("", 21)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10, **parts).SerializeToString()
    return model


@pytest.mark.parametrize("inside", ["initializer", "attribute"])
@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "weights.bin"])
def test_onnx_model_with_data_outside(tmp_path: Path, location: str, inside: str) -> None:
    with pytest.raises(ArtifactError, match="wants data from another file"):
        load_signed(tmp_path / "v1", {"model.onnx": onnx_bytes(location=location, inside=inside)}, inputs=INPUTS[:1])
    check_onnx(onnx_bytes(inside=inside))


def test_onnx_model_with_operators_of_a_library(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"wants operators of b'evil\.so'"):
        load_signed(tmp_path / "v1", {"model.onnx": onnx_bytes(domain="evil.so")}, inputs=INPUTS[:1])


def endless_loop() -> bytes:
    turn, going, still = (
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("turn", TensorProto.INT64), ("going", TensorProto.BOOL), ("still", TensorProto.BOOL))
    )
    body = helper.make_graph([helper.make_node("Identity", ["going"], ["still"])], "body", [turn, going], [still])
    nodes = [
        helper.make_node("Loop", ["", "yes"], [], body=body),
        helper.make_node("Identity", ["c0"], ["score"]),
    ]
    return onnx_model(nodes, [numpy_helper.from_array(np.array(True), "yes")])


def large_tensor(maker: str) -> bytes:
    """Of 1.6 GB, from the number of its elements."""
    shape = numpy_helper.from_array(np.array([400_000_000]), "shape")
    nodes = [
        helper.make_node(maker, ["shape"] if maker == "ConstantOfShape" else ["c0", "shape"], ["large"]),
        helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
        helper.make_node("Add", ["c0", "sum"], ["score"]),
    ]
    return onnx_model(nodes, [shape])


@pytest.mark.parametrize(
    ("content", "operator"),
    [(endless_loop(), "Loop"), *((large_tensor(maker), maker) for maker in ("ConstantOfShape", "Expand", "Tile"))],
)
def test_onnx_model_that_never_ends_or_fills_the_memory(tmp_path: Path, content: bytes, operator: str) -> None:
    with pytest.raises(ArtifactError, match=f"wants the operator b'{operator}'"):
        load_signed(tmp_path / "v1", {"model.onnx": content}, inputs=INPUTS[:1])


def test_onnx_model_with_graphs_or_functions_inside() -> None:
    plain = helper.make_node("Identity", ["c0"], ["score"])
    inner = helper.make_graph([plain], "inner", [], [])
    for holder in ({"body": inner}, {"bodies": [inner]}):
        with pytest.raises(ArtifactError, match="graphs inside its operators"):
            check_onnx(onnx_model([helper.make_node("Identity", ["c0"], ["score"], **holder)], []))
    opsets = [helper.make_opsetid("", 21)]
    function = helper.make_function("", "Identity", ["c0"], ["score"], [plain, plain], opsets)
    with pytest.raises(ArtifactError, match="has functions"):
        check_onnx(onnx_model([plain], [], functions=[function]))
    check_onnx(onnx_model([plain], []))


def test_operators_that_are_allowed_can_not_fill_the_memory() -> None:
    """A column by a row: 7.2 GB from two constants of 240 kB."""
    column = numpy_helper.from_array(np.ones((30_000, 1)), "column")
    row = numpy_helper.from_array(np.ones((1, 30_000)), "row")
    nodes = [
        helper.make_node("Mul", ["column", "row"], ["large"]),
        helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
        helper.make_node("Add", ["c0", "sum"], ["score"]),
    ]
    scorer = OnnxScorer(onnx_model(nodes, [column, row]), INPUTS[:1])
    with pytest.raises(Exception, match="Available memory"):
        scorer.score({INPUTS[0].name: np.ones(1)})


@pytest.mark.parametrize("content", [b"", b"\x00", b"ORTM" * 10, b"\x08\x0a", b"\xff" * 50, b"\x3a\x7f\x00"])
def test_what_is_no_onnx_model(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="is no ONNX model"):
        check_onnx(content)


def test_cut_onnx_model() -> None:
    whole = small_model.onnx_bytes()
    check_onnx(whole)
    for size in range(0, len(whole) - 1, 97):
        with pytest.raises(ArtifactError):
            check_onnx(whole[:size])


def test_names_of_an_artifact() -> None:
    for name in ("model.onnx", "card.md", "report.html", "manifest.json"):
        check_name(name)
    for name in ("model.pkl", "x.so", "x.py", "a/b.md", "..", "a\x00.md", "x" * 200 + ".md", "-rf.md"):
        with pytest.raises(ArtifactError):
            check_name(name)
