"""`make test` runs every test in one lane, and a lane that fails makes it fail and is shown."""

from pathlib import Path

import pytest

from deploy.local.paths import PROJECT
from tests.lanes import LANES, main

FILES = sorted(path.relative_to(PROJECT) for path in (PROJECT / "tests").rglob("test_*.py"))
ALONE = ("-p", "no:cacheprovider")


def takes(lane: tuple[str, ...], file: Path) -> bool:
    ignored = [argument.removeprefix("--ignore=") for argument in lane if argument.startswith("--ignore=")]
    taken = [argument for argument in lane if not argument.startswith("-")]
    return any(map(file.is_relative_to, taken)) and not any(map(file.is_relative_to, ignored))


def test_each_file_is_in_one_lane() -> None:
    assert FILES
    lanes_of = {file: [name for name, lane in LANES.items() if takes(lane, file)] for file in FILES}
    assert {file: lanes for file, lanes in lanes_of.items() if len(lanes) != 1} == {}


def test_a_lane_that_fails_fails_all_and_each_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, empty = (tmp_path / f"test_{name}.py" for name in ("good", "bad", "empty"))
    good.write_text("def test_it():\n    pass\n")
    bad.write_text("def test_it():\n    assert 'this' == 'that'\n")
    empty.write_text("")
    lanes = {path.stem: (str(path), *ALONE) for path in (bad, good, empty)}
    assert main({"good": lanes["test_good"]}, tmp_path / "logs") == 0
    assert "1 passed" in capsys.readouterr().out
    assert main(lanes, tmp_path / "logs") == 1
    shown = capsys.readouterr().out
    assert "assert 'this' == 'that'" in shown
    assert "1 passed" in shown
    summary = shown[shown.rindex("== lanes") :]
    assert [line.split()[3] for line in summary.splitlines()[1:]] == ["FAILED", "passed", "FAILED"]
