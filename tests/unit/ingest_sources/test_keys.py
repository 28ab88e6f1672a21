"""Keys come from files that their owner alone may read, and are shown nowhere."""

from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from ingest_sources.keys import load_keys


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "customers"
    path.write_text(text)
    path.chmod(mode)
    return folder


def test_key_is_its_files_name_with_its_id(tmp_path: Path) -> None:
    folder = written(tmp_path, "v2:0123456789abcdef\n")
    assert load_keys(folder) == {"customers": ("v2", b"0123456789abcdef")}


def test_without_a_folder_there_are_none() -> None:
    assert load_keys(None) == {}


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("v1:0123456789abcdef", 0o640, "chmod 600"),
        ("0123456789abcdef", 0o600, "ID:KEY"),
        ("v1:0123456789abcde", 0o600, "16 bytes"),
    ],
)
def test_key_that_is_none_or_open_to_others_is_refused_and_not_shown(
    tmp_path: Path, text: str, mode: int, says: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_keys(written(tmp_path, text, mode))
    assert says in str(raised.value)
    assert "0123456789" not in str(raised.value)


def test_folder_that_is_missing_is_told_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="INGEST_SOURCES_KEYS"):
        load_keys(tmp_path / "none")
