"""Keys come from files that their owner alone may read, and are shown nowhere."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.cli import build_cli
from headrace.errors import ConfigurationError
from ingest_sources.keys import load_keys
from ingest_sources.rules.pseudonyms import pseudonyms_of


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "customers"
    path.write_text(text)
    path.chmod(mode)
    return folder


def test_keys_of_a_name_are_the_lines_of_its_file(tmp_path: Path) -> None:
    folder = written(tmp_path, "# made in May\nv1:0123456789abcdef\n\nv2:f:edcba9876543210\n")
    assert load_keys(folder) == {"customers": (("v1", b"0123456789abcdef"), ("v2", b"f:edcba9876543210"))}


def test_without_a_folder_there_are_none() -> None:
    assert load_keys(None) == {}


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("v1:0123456789abcdef", 0o640, "chmod 600"),
        ("0123456789abcdef", 0o600, "ID:KEY"),
        ("v1:0123456789abcde", 0o600, "16 bytes"),
        ("v1:0123456789abcdef\n0123456789", 0o600, "line 2"),
        ("v 1:0123456789abcdef", 0o600, "ID:KEY"),
        ("v1:0123456789abcdef\nv1:0123456789ABCDEF", 0o600, "id v1 more than once"),
        ("# 0123456789abcdef", 0o600, "is empty"),
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


def test_command_shows_all_pseudonyms_of_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = written(tmp_path, "v1:0123456789abcdef\nv2:fedcba9876543210")
    monkeypatch.setenv("INGEST_SOURCES_KEYS", str(keys))
    result = CliRunner().invoke(build_cli(), ["sources", "pseudonym", "customers"], input="ann@example.org\n")
    expected = pseudonyms_of("ann@example.org", "customers", load_keys(keys))
    assert result.output.splitlines() == expected
    assert [found[:3] for found in expected] == ["v1:", "v2:"]
