"""Rows become scores, decisions and reasons, by ONNX Runtime alone."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.models.artifact import load_artifact
from headrace.models.inputs import Columns
from headrace.models.manifest import Manifest
from headrace.models.onnx_scorer import OnnxScorer
from headrace.models.scorer import Model, decide
from tests.unit.headrace.models.small_model import INPUTS, KEY, manifest, onnx_bytes, rows_and_target, write_small


class Linear:
    """0.1 per failure, and 0.4 for the plan `plus`."""

    def __init__(self) -> None:
        self.calls = 0

    def score(self, columns: Columns) -> np.ndarray[Any, Any]:
        self.calls += 1
        scores: np.ndarray[Any, Any] = np.nan_to_num(columns["Call  Failure"]) * 0.1 + (columns["plan"] == "plus") * 0.4
        return scores


@pytest.fixture
def scorer() -> Linear:
    return Linear()


def model(scorer: Linear, **changes: Any) -> Model:
    facts: Manifest = manifest(**changes)
    return Model(facts, scorer)


ROWS: list[Mapping[str, Any]] = [
    {"Call  Failure": 1.0, "plan": "plus"},
    {"Call  Failure": None, "plan": "basic"},
    {"Call  Failure": -6.0, "plan": "plus"},
]


def test_scores_and_decisions(scorer: Linear) -> None:
    found = model(scorer).predict(ROWS)
    assert found.scores == pytest.approx([0.5, 0.0, -0.2])
    assert found.decisions is not None
    assert list(found.decisions) == [True, False, False]


def test_a_regression_decides_nothing(scorer: Linear) -> None:
    assert model(scorer, task="regression", threshold=None).predict(ROWS).decisions is None


def test_no_rows(scorer: Linear) -> None:
    found = model(scorer).predict([])
    assert len(found.scores) == 0
    assert model(scorer).reasons([]) == []


def test_reasons_are_the_greatest_changes_first(scorer: Linear) -> None:
    reasons = model(scorer).reasons(ROWS, top=2)
    assert [[(each.input, each.value, round(each.effect, 9)) for each in row] for row in reasons] == [
        [("plan", "plus", 0.4), ("Call  Failure", 1.0, 0.1)],
        [],
        [("Call  Failure", -6.0, -0.6), ("plan", "plus", 0.4)],
    ]
    assert reasons[0][0].typical == "basic"
    assert scorer.calls == 1


def test_top_bounds_the_reasons(scorer: Linear) -> None:
    assert [len(row) for row in model(scorer).reasons(ROWS, top=1)] == [1, 0, 1]


def test_last_bits_never_decide() -> None:
    assert list(decide(np.array([0.3, np.nextafter(0.3, 0), 0.299999]), 0.3)) == [True, True, False]


def test_many_rows_are_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = OnnxScorer(onnx_bytes(), INPUTS)
    frame, _ = rows_and_target(100)
    columns = {name: frame[name].to_numpy() for name in frame}
    whole = scorer.score(columns)
    monkeypatch.setattr("headrace.models.onnx_scorer._ROWS_AT_ONCE", 7)
    assert list(scorer.score(columns)) == list(whole)


@pytest.mark.parametrize("text", ["\ud800", "plus\x00", "\x00", "x" * 10_000, ""])
def test_any_text_is_a_level_or_an_unseen_one(text: str) -> None:
    served = Model(manifest(), OnnxScorer(onnx_bytes(), INPUTS))
    unseen = served.predict([{"Call  Failure": 1.0, "plan": "never seen"}]).scores
    assert served.predict([{"Call  Failure": 1.0, "plan": text}]).scores == unseen


_WITHOUT = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives.serialization import load_pem_public_key
for name in ("sklearn", "pandas", "scipy", "skops", "onnx", "fsspec", "lightgbm"):
    sys.modules[name] = None
from headrace.models.artifact import load_artifact
from headrace.models.scorer import Model
from headrace.models.signing import read_public_keys
folder = Path(sys.argv[1])
keys = read_public_keys(folder / "public.pem")
artifact = load_artifact(folder / "v1", manifest_sha256=None, public_keys=keys, scratch=folder)
model = Model(artifact.manifest, artifact.scorer)
print(float(model.predict([{"Call  Failure": 0.5, "plan": "plus"}]).scores[0]), len(model.reasons([{"plan": "plus"}])))
"""


def test_onnx_needs_no_scikit_learn_and_no_pandas(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    write_small(tmp_path / "v1")
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    ran = subprocess.run([sys.executable, "-c", _WITHOUT, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    here = load_artifact(tmp_path / "v1", manifest_sha256=None, public_keys=[KEY.public_key()], scratch=tmp_path)
    expected = Model(here.manifest, here.scorer).predict([{"Call  Failure": 0.5, "plan": "plus"}]).scores[0]
    assert ran.stdout.split() == [str(float(expected)), "1"]
