"""The manifest of a model's artifact: all that must be known, and checked, before the model is loaded."""

import hashlib
from typing import Literal

import msgspec

from headrace.models.inputs import Input
from headrace.models.records import Value

MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
ONNX_FILE = "model.onnx"
SKOPS_FILE = "model.skops"
CARD_FILE = "card.md"
RECOMMENDER_FILE = "recommender.json"
ONLINE_ALGORITHM = "river"
"""Of versions that stand for what learns in process_predictions; their artifacts hold no model."""
FORMAT = 1
"""Of the artifacts that are written and read; a manifest that says none has 1."""

Task = Literal["classification", "regression"]
"""Of models that score rows."""
RECOMMENDATION: Literal["recommendation"] = "recommendation"
"""Task of a recommender, which scores no rows: it says which items go with those of a person."""
AnyTask = Task | Literal["recommendation"]


class Bins(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an input or the score was spread over the training rows, from which drift is measured.

    A numeric one has `edges` (the inner ones, rising) and one share more than edges; another has `levels` and one share
    more than levels, the last for all others. `missing` is the share without a value; all shares add up to one with it.
    """

    shares: tuple[float, ...]
    missing: float = 0.0
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an artifact is: `manifest.json` in its folder.

    Args:
        name: of the model.
        created: microseconds UTC.
        files: file name → SHA-256 of each other file of the artifact, besides the signature.
        data_sha256: the snapshot's hash, by which the very rows are found again.
        data_rows: rows of the snapshot.
        code: version and commit of the code that trained.
        libraries: name → version.
        content_sha256: hash of the model's normalised content: the same rows, file, seed and libraries give the same.
        inputs: none of a recommender, which takes no rows.
        positive: label of the positive class of a classification.
        threshold: least probability at which the decision is true; None for a regression.
        params: of the algorithm, as found by the search.
        metrics: name → value: `cv_<metric>_mean|_std`, `hold_out_<metric>`, `hold_out_<metric>_low|_high`.
        typical: input → median or most frequent value in training, against which reasons are given.
        reference: input, and `score`, → how it was spread in training.
        caveats: what a reader must know before use, in words.
    """

    name: str
    task: AnyTask
    created: int
    inputs: tuple[Input, ...]
    label: str
    files: dict[str, str]
    data_sha256: str
    data_rows: int
    code: str
    libraries: dict[str, str]
    seed: int
    algorithm: str
    content_sha256: str
    positive: str | None = None
    threshold: float | None = None
    calibration: str | None = None
    params: dict[str, Value] = {}
    metrics: dict[str, float] = {}
    typical: dict[str, Value] = {}
    reference: dict[str, Bins] = {}
    about: str = ""
    caveats: tuple[str, ...] = ()
    format: int = 1

    @property
    def is_online(self) -> bool:
        """Whether it stands for a variant of an online model, which runs in process_predictions and nowhere else."""
        return self.algorithm == ONLINE_ALGORITHM and not self.files.keys() & {ONNX_FILE, SKOPS_FILE}

    @property
    def is_recommender(self) -> bool:
        """Whether it is about items, and answers no rows."""
        return self.task == RECOMMENDATION


def encode_manifest(manifest: Manifest) -> bytes:
    """The one form in which a manifest is written, hashed and signed."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"


def decode_manifest(content: bytes) -> Manifest:
    """Reads a manifest.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return msgspec.json.decode(content, type=Manifest)


def sha256(content: bytes) -> str:
    """As files and manifests are named by."""
    return hashlib.sha256(content).hexdigest()
