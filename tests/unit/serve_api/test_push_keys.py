"""The keys of sources come from files, as these are now."""

import logging
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from serve_api.push_keys import PushKeys
from serve_api.push_signature import parse_key

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def write(folder: Path, text: str, mode: int = 0o600, name: str = "orders") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_are_the_lines_of_the_sources_file(tmp_path: Path) -> None:
    write(tmp_path, f"# since May\n{OLD}\n\n{NEW}\n")
    assert PushKeys(tmp_path).of("orders") == (parse_key(OLD), parse_key(NEW))


def test_change_is_seen_at_the_next_push(tmp_path: Path) -> None:
    keys = PushKeys(tmp_path)
    assert keys.of("orders") is None
    write(tmp_path, OLD)
    assert keys.of("orders") == (parse_key(OLD),)
    # As many bytes, and possibly within the same tick of the file system's clock.
    write(tmp_path, NEW)
    assert keys.of("orders") == (parse_key(NEW),)
    (tmp_path / "orders").unlink()
    assert keys.of("orders") is None


def test_file_that_settled_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, OLD)
    keys = PushKeys(tmp_path)
    keys.of("orders")
    far = path.stat().st_ctime_ns + 10_000_000_000
    monkeypatch.setattr("time.time_ns", lambda: far)
    first = keys.of("orders")
    assert first == (parse_key(OLD),)
    assert keys.of("orders") is first


@pytest.mark.parametrize("name", ["../orders", "orders/", "Orders", ".orders", "", "o" * 41])
def test_name_that_no_source_has_opens_no_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    write(tmp_path, OLD)
    write(folder, OLD)
    assert PushKeys(folder).of(name) is None


def test_without_a_folder_nobody_may_push(tmp_path: Path) -> None:
    assert PushKeys(None).of("orders") is None
    with pytest.raises(ConfigurationError, match="SERVE_API_PUSH_KEYS"):
        PushKeys(tmp_path / "missing")


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [(OLD, 0o640, "chmod 600"), (f"{OLD}\nwhsec_short", 0o600, "line 2"), (f"{OLD} {NEW}", 0o600, "line 1")],
)
def test_file_that_cannot_be_used_gives_no_key_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, mode: int, says: str
) -> None:
    write(tmp_path, OLD)
    keys = PushKeys(tmp_path)
    assert keys.of("orders")
    write(tmp_path, text, mode)
    with caplog.at_level(logging.ERROR), pytest.raises(ConfigurationError, match=says):
        keys.of("orders")
    assert len(caplog.records) == 1 and "MfKQ" not in str(caplog.records[0].__dict__)
    write(tmp_path, NEW)
    assert keys.of("orders") == (parse_key(NEW),)


def test_source_without_a_key_lets_nobody_in(tmp_path: Path) -> None:
    write(tmp_path, "# none yet\n")
    assert PushKeys(tmp_path).of("orders") == ()
