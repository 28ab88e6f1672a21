"""Files of models: what can't be read is named."""

from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.models.model_folder import read_model_file, read_model_folder


def test_a_file_that_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "churn.yaml"
    path.write_bytes("about: Kündigung\n".encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"churn\.yaml is no UTF-8, at byte 8: save it as UTF-8"):
        read_model_folder(tmp_path)

    path.write_text("about: Kündigung\n", encoding="utf-8")
    assert read_model_file(path) == {"about": "Kündigung"}


@pytest.mark.parametrize(("content", "message"), [("a: [", "churn.yaml: "), ("- a", "churn.yaml: holds no model")])
def test_a_file_that_holds_no_model_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "churn.yaml").write_text(content)

    with pytest.raises(ConfigurationError, match=message):
        read_model_folder(tmp_path)
