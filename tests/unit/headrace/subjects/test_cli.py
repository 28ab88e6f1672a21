"""`headrace subjects keys`: makes the file once, and never shows a key."""

import base64
from pathlib import Path

from typer.testing import CliRunner

from headrace.subjects.cli import app
from headrace.subjects.keys import read_secrets


def test_the_file_is_made_once_and_no_key_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "subjects.json"
    first = CliRunner().invoke(app, ["keys", "--keys", str(path)])
    made = read_secrets(path)
    second = CliRunner().invoke(app, ["keys", "--keys", str(path)])
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert read_secrets(path) == made
    assert made.current in first.output
    added = CliRunner().invoke(app, ["add-key", "--keys", str(path)])
    assert read_secrets(path).masters.keys() == {made.current, read_secrets(path).current}
    assert read_secrets(path).current in added.output
    for key in read_secrets(path).masters.values():
        assert base64.b64encode(key).decode() not in added.output
    for key in (made.lookup, *made.masters.values()):
        assert base64.b64encode(key).decode() not in first.output
        assert repr(key) not in repr(made)
