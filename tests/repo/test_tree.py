"""Nothing that belongs to one machine, and nothing secret, is in the tree."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "an absolute path of somebody's machine": re.compile(r"(?:^|[\s\"'=(:])/(?:work|root|home)/"),
    "a registry's address": re.compile(
        r"--(?:extra-)?index-url|\"resolved\": *\"https?:|^registry *= *http|https?://[^\s]*(?:pypi\.org|npmjs\.org|maven\.org)"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
GENERATED_OR_NAMING_THE_RULES = {"tests/repo/test_tree.py"}


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.splitlines() if name not in GENERATED_OR_NAMING_THE_RULES]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_tree_holds_no(what: str) -> None:
    found = []
    for path in _tracked():
        text = path.read_text(errors="replace")
        found += [
            f"{path.relative_to(ROOT)}:{n}"
            for n, line in enumerate(text.splitlines(), 1)
            if FORBIDDEN[what].search(line)
        ]
    assert found == []


def test_modules_stay_small() -> None:
    long = [path for path in _tracked() if path.suffix == ".py" and len(path.read_text().splitlines()) > 400]
    assert long == []
