"""The hash of this project's code is another one where the code is."""

import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import headrace
import train_models
from train_models.choice.code_version import code_sha256, sources_sha256


@pytest.fixture
def services(tmp_path: Path) -> Path:
    """A copy of the code."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(train_models.__file__).parent, tmp_path / "train_models", ignore=ignored)
    shutil.copytree(Path(headrace.__file__).parent / "models", tmp_path / "headrace" / "models", ignore=ignored)
    return tmp_path


def _hash_in(services: Path) -> str:
    spec = spec_from_file_location("copied", services / "train_models" / "choice" / "code_version.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: str = module.code_sha256()
    return found


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("train_models/choice/search.py", True),
        ("train_models/data/sources/file_rows.py", True),
        ("train_models/features/pipeline.py", True),
        ("train_models/judging/metrics.py", True),
        ("headrace/models/inputs.py", True),
        ("headrace/models/steps/calibrated.py", True),
        ("train_models/judging/model_card.py", False),
        ("train_models/registry/gates.py", False),
    ],
)
def test_an_edit_of_what_makes_results_changes_it(services: Path, file: str, counts: bool) -> None:
    assert _hash_in(services) == code_sha256()
    path = services / file
    path.write_text(path.read_text() + "\n# edited\n")

    assert (_hash_in(services) != code_sha256()) is counts


def test_a_name_counts_as_the_content_does(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    before = sources_sha256([tmp_path])
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    renamed = sources_sha256([tmp_path])
    (tmp_path / "notes.txt").write_text("no code")

    assert renamed != before
    assert sources_sha256([tmp_path]) == renamed
