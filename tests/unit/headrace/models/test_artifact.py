"""An artifact is loaded when all is as it was signed and promoted; else it is refused, with what is wrong."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headrace.errors import ConfigurationError
from headrace.models.artifact import Artifact, ArtifactError, load_artifact
from headrace.models.manifest import decode_manifest, sha256
from headrace.models.scorer import Model
from headrace.models.signing import sign
from tests.unit.headrace.models.small_model import (
    KEY,
    fitted,
    fitted_neighbours,
    rows_and_target,
    skops_bytes_of_neighbours,
    write_small,
)
from train_models.registry.write_artifact import write_artifact

KNOWN = (KEY.public_key(),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small(tmp_path / "v1")
    return tmp_path / "v1"


def load(folder: Path, promoted: str | None = None) -> Artifact:
    return load_artifact(folder, manifest_sha256=promoted, public_keys=KNOWN, scratch=folder.parent / "scratch")


def sign_again(folder: Path) -> None:
    """As a maker with the key would."""
    (folder / "manifest.sig").write_bytes(sign(KEY, (folder / "manifest.json").read_bytes()))


def test_what_was_written_answers(tmp_path: Path) -> None:
    promoted = write_small(tmp_path / "v1")
    artifact = load(tmp_path / "v1", promoted)
    frame, _ = rows_and_target(5)
    expected = fitted().predict_proba(frame)[:, 1]
    found = Model(artifact.manifest, artifact.scorer).predict(frame.to_dict("records"))
    assert found.scores == pytest.approx(expected, abs=1e-12)
    assert artifact.manifest_sha256 == promoted


def test_skops_form_answers(tmp_path: Path) -> None:
    write_small(tmp_path / "v1", {"model.skops": skops_bytes_of_neighbours()}, algorithm="knn")
    artifact = load(tmp_path / "v1")
    frame, _ = rows_and_target(5)
    found = Model(artifact.manifest, artifact.scorer).predict(frame.to_dict("records"))
    assert list(found.scores) == list(fitted_neighbours().predict_proba(frame)[:, 1])


def test_file_address(folder: Path) -> None:
    uri = (folder).resolve().as_uri()
    assert load_artifact(uri, manifest_sha256=None, public_keys=KNOWN, scratch=folder).manifest.name == "churn"


def test_an_artifact_is_written_once_and_whole(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="there already"):
        write_small(folder)
    assert [each.name for each in folder.parent.iterdir()] == ["v1"]


def test_changed_file(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[-20] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.onnx was changed"):
        load(folder)


def test_changed_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"threshold": 0.5', '"threshold": 0.9'))
    with pytest.raises(ArtifactError, match="not signed by a known key"):
        load(folder)


def test_unknown_signer(tmp_path: Path) -> None:
    manifest = decode_manifest(_manifest_of(tmp_path))
    write_artifact(tmp_path / "v2", manifest, {"model.onnx": b"x"}, Ed25519PrivateKey.generate())
    with pytest.raises(ArtifactError, match="not signed by a known key"):
        load(tmp_path / "v2")


def _manifest_of(tmp_path: Path) -> bytes:
    write_small(tmp_path / "v1")
    return (tmp_path / "v1" / "manifest.json").read_bytes()


def test_another_than_was_promoted(folder: Path) -> None:
    with pytest.raises(ArtifactError, match="not the one that was promoted"):
        load(folder, promoted="1" * 64)


def test_missing_file(folder: Path) -> None:
    (folder / "card.md").unlink()
    with pytest.raises(ArtifactError, match=r"lacks 'card\.md'"):
        load(folder)


def test_file_that_is_not_listed(folder: Path) -> None:
    (folder / "more.md").write_text("not signed")
    with pytest.raises(ArtifactError, match=r"holds more\.md, which its manifest doesn't list"):
        load(folder)


@pytest.mark.parametrize("missing", ["manifest.json", "manifest.sig"])
def test_no_manifest_or_signature(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(ArtifactError, match=f"has no {missing}"):
        load(folder)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="can't be read: No such file"):
        load(tmp_path / "none")


def test_no_model_in_it(tmp_path: Path) -> None:
    write_small(tmp_path / "v1", {"card.md": b"alone"})
    with pytest.raises(ArtifactError, match=r"neither model\.onnx nor model\.skops"):
        load(tmp_path / "v1")


@pytest.mark.parametrize("name", ["../outside.md", "/outside.md", "sub/model.onnx", "..", "", ".hidden.md"])
def test_listed_name_that_leads_out(folder: Path, name: str) -> None:
    (folder.parent / "outside.md").write_text("outside")
    facts = json.loads((folder / "manifest.json").read_text())
    facts["files"][name] = sha256(b"outside")
    (folder / "manifest.json").write_text(json.dumps(facts))
    sign_again(folder)
    with pytest.raises(ArtifactError, match="lacks"):
        load(folder)


@pytest.mark.parametrize("name", ["../up.md", "sub/model.onnx", "model.pkl", "model.joblib", "model.npy", "noending"])
def test_forbidden_name_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no plain file name|no such file"):
        write_small(tmp_path / "v1", {name: b"x"})
    assert not list(tmp_path.iterdir())


def test_link(folder: Path) -> None:
    secret = folder.parent / "secret.md"
    secret.write_text("# A card\n")
    (folder / "card.md").unlink()
    (folder / "card.md").symlink_to(secret)
    with pytest.raises(ArtifactError, match=r"card\.md can't be read as a plain file"):
        load(folder)


def test_folder_in_it(folder: Path) -> None:
    (folder / "more.md").mkdir()
    with pytest.raises(ArtifactError, match="plain file"):
        load(folder)


def test_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.models.artifact_folder.MAX_BYTES", 500)
    with pytest.raises(ArtifactError, match="the artifact is larger than"):
        load(folder)


def test_unknown_format(tmp_path: Path) -> None:
    write_small(tmp_path / "v1", format=2)
    with pytest.raises(ArtifactError, match="has format 2, and this version reads 1"):
        load(tmp_path / "v1")


def test_signed_but_no_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")
    sign_again(folder)
    with pytest.raises(ArtifactError, match="no manifest that this version reads"):
        load(folder)


def test_model_with_other_inputs(tmp_path: Path) -> None:
    manifest = decode_manifest(_manifest_of(tmp_path))
    write_small(tmp_path / "v2", inputs=manifest.inputs[:1])
    with pytest.raises(ArtifactError, match="other inputs than its manifest"):
        load(tmp_path / "v2")


def test_made_by_another_scikit_learn(tmp_path: Path) -> None:
    skops = {"model.skops": skops_bytes_of_neighbours()}
    write_small(tmp_path / "v1", skops, algorithm="knn", libraries={"scikit-learn": "1.0.2"})
    with pytest.raises(ArtifactError, match=r"made by scikit-learn 1\.0\.2"):
        load(tmp_path / "v1")
