"""Puts a fitted object into the form that is served: ONNX where it is exact, else skops."""

from dataclasses import dataclass
from typing import Any, Literal

from headrace.models.inputs import Input
from headrace.models.manifest import ONNX_FILE, SKOPS_FILE, Task
from headrace.models.onnx_scorer import OnnxScorer
from headrace.models.scorer import Scorer
from headrace.models.skops_scorer import PipelineScorer, load_skops
from train_models.registry.export_onnx import NotExportable, export_onnx
from train_models.registry.export_skops import content_sha256, export_skops
from train_models.registry.parity import Parity, ParityError, check_parity, fitted_scores, frame_columns

_SINGLES, _SLOW_SINGLES = 200, 20
"""Rows that are also scored alone; a scikit-learn pipeline takes milliseconds for each."""


@dataclass(frozen=True)
class ExportedModel:
    """Attributes:
    files: name → content, for the artifact.
    reason: why it isn't ONNX, where it isn't.
    content_sha256: of the fitted object, whatever its form.
    parity: how the form was compared with the fitted object.
    """

    form: Literal["onnx", "skops"]
    files: dict[str, bytes]
    content_sha256: str
    parity: Parity
    reason: str = ""


def export_model(
    fitted: Any,
    inputs: tuple[Input, ...],
    frame: Any,
    *,
    task: Task,
    algorithm: str,
    threshold: float | None = None,
    with_skops: bool = False,
) -> ExportedModel:
    """Exports, loads again what was exported, and compares it with the fitted object on all rows of the frame.

    Args:
        frame: rows as the fitted object takes them (`TrainingRows.frame`).
        algorithm: of the manifest, which says what types a skops file may hold.
        with_skops: whether the skops file is kept beside the ONNX one, for those who want the fitted object back.

    Raises:
        ArtifactError: it has no ONNX form, and holds types that no model of its algorithm is made of.
        ParityError: it answers otherwise in skops form too.
    """
    expected, columns = fitted_scores(fitted, frame, task), frame_columns(inputs, frame)
    content = export_skops(fitted)
    digest = content_sha256(content)

    def compared(scorer: Scorer, singles: int) -> Parity:
        return check_parity(scorer, columns, expected, threshold=threshold, singles=singles)

    try:
        onnx = export_onnx(fitted, inputs)
        parity = compared(OnnxScorer(onnx, inputs), _SINGLES)
    except (NotExportable, ParityError) as found:
        again = PipelineScorer(load_skops(content, algorithm), inputs, task)
        return ExportedModel("skops", {SKOPS_FILE: content}, digest, compared(again, _SLOW_SINGLES), str(found))
    files = {ONNX_FILE: onnx} | ({SKOPS_FILE: content} if with_skops else {})
    return ExportedModel("onnx", files, digest, parity)
