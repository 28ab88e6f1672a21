"""Small models as signed artifacts, for tests of what serves them; made by hand, without a training library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper, numpy_helper

from headrace.models.inputs import Input
from headrace.models.manifest import CARD_FILE, ONLINE_ALGORITHM, ONNX_FILE, Manifest, Task, sha256
from headrace.models.onnx_scorer import OUTPUT, input_name
from headrace.models.records import ModelVersion, Value
from headrace.models.signing import create_key_pair, read_signing_key
from train_models.registry.write_artifact import write_artifact

INPUTS = (
    Input("Call  Failure", "number", minimum=0, maximum=100),
    Input("plan", "category", levels=("basic", "gold")),
    Input("active", "boolean"),
    Input("since", "time", nullable=True),
)
ROW: dict[str, Value] = {"Call  Failure": 3, "plan": "gold", "active": True, "since": "2026-01-31T12:00:00Z"}
TYPICAL: dict[str, Value] = {"Call  Failure": 1.0, "plan": "basic", "active": True, "since": 1.7e9}


@dataclass
class ModelMaker:
    """Makes artifacts under a folder, signed by one key.

    Attributes:
        keys: the file of the public key; it is made with the private one, `signing.pem` beside it, if it isn't there.
    """

    folder: Path
    keys: Path = Path("keys", "public.pem")
    made: int = 0
    key: Ed25519PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.keys = self.folder / self.keys
        private = self.keys.with_name("signing.pem")
        if not private.exists():
            create_key_pair(private, self.keys)
        self.key = read_signing_key(private)

    def make(
        self,
        name: str = "usage",
        weight: float = 0.5,
        *,
        task: Task = "classification",
        inputs: tuple[Input, ...] = INPUTS,
        content: bytes | None = None,
        threshold: float = 0.5,
        typical: Mapping[str, Value] = TYPICAL,
    ) -> ModelVersion:
        """The next version: `score_of` gives what it says of a row; `content` is another ONNX file in its place."""
        self.made += 1
        folder = self.folder / f"{name}-{self.made}"
        onnx = linear(weight, inputs, task) if content is None else content
        card = f"# {name} {self.made}\n".encode()
        is_classification = task == "classification"
        manifest = Manifest(
            name=name,
            task=task,
            created=1_769_860_800_000_000,
            inputs=inputs,
            label="left",
            files={},
            data_sha256=sha256(b"rows"),
            data_rows=100,
            code="test",
            libraries={},
            seed=1,
            algorithm="linear",
            content_sha256=sha256(onnx),
            positive="yes" if is_classification else None,
            threshold=threshold if is_classification else None,
            metrics={"hold_out_roc_auc": 0.8},
            typical=dict(typical),
            about="Whether a line is given up",
        )
        digest = write_artifact(folder, manifest, {ONNX_FILE: onnx, CARD_FILE: card}, self.key)
        return ModelVersion(self.made, str(folder), digest)

    def make_online(self, name: str = "usage") -> ModelVersion:
        """The next version, one that stands for a variant of an online model."""
        self.made += 1
        folder = self.folder / f"{name}-{self.made}"
        manifest = Manifest(
            name=name,
            task="regression",
            created=1_769_860_800_000_000,
            inputs=(Input("change_1", "number"),),
            label="mean",
            files={},
            data_sha256="",
            data_rows=0,
            code="test",
            libraries={},
            seed=0,
            algorithm=ONLINE_ALGORITHM,
            content_sha256=sha256(b"variant"),
            about="The next hour",
        )
        card = f"# {name} {self.made}\n".encode()
        return ModelVersion(self.made, str(folder), write_artifact(folder, manifest, {CARD_FILE: card}, self.key))


def score_of(row: Mapping[str, Value], weight: float, task: Task = "classification") -> float:
    """What a linear model says: `weight` for each call failure, -1 less for plan gold."""
    logit = weight * float(row["Call  Failure"] or 0) - (row["plan"] == "gold")
    return float(1 / (1 + np.exp(-logit))) if task == "classification" else logit


def linear(weight: float, inputs: tuple[Input, ...] = INPUTS, task: Task = "classification") -> bytes:
    """An ONNX file that does the same; its other inputs have no part in the score."""
    tensors = [
        helper.make_tensor_value_info(
            input_name(at), TensorProto.DOUBLE if each.is_numeric else TensorProto.STRING, [None, 1]
        )
        for at, each in enumerate(inputs)
    ]
    gold = numpy_helper.from_array(np.array([["gold"]], dtype=object), "gold")
    factor = numpy_helper.from_array(np.array([[float(weight)]]), "weight")
    one = numpy_helper.from_array(np.ones((1, 1)), "one")
    sigmoid = [
        helper.make_node("Neg", ["logit"], ["falling"]),
        helper.make_node("Exp", ["falling"], ["odds"]),
        helper.make_node("Add", ["odds", "one"], ["whole"]),
        helper.make_node("Div", ["one", "whole"], [OUTPUT]),
    ]
    last = sigmoid if task == "classification" else [helper.make_node("Identity", ["logit"], [OUTPUT])]
    nodes = [
        helper.make_node("Mul", ["c0", "weight"], ["calls"]),
        helper.make_node("Equal", ["c1", "gold"], ["is_gold"]),
        helper.make_node("Cast", ["is_gold"], ["gold_number"], to=TensorProto.DOUBLE),
        helper.make_node("Sub", ["calls", "gold_number"], ["logit"]),
        *last,
    ]
    out = helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, 1])
    graph = helper.make_graph(nodes, "linear", tensors, [out], [gold, factor, one])
    opsets = [helper.make_opsetid("", 21)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return content
