"""What the READMEs repeat from the code is what the code says."""

import re
from pathlib import Path

import pytest

from deploy import docs

MAKEFILE = (docs.ROOT / "Makefile").read_text()


@pytest.mark.parametrize("path", docs.documents(), ids=lambda path: str(path.relative_to(docs.ROOT)))
def test_blocks_are_fresh(path: Path) -> None:
    assert path.read_text() == docs.documents()[path], "run `make docs`"


def test_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)\b", (docs.ROOT / "README.md").read_text()))
    assert named and named <= targets


def test_every_target_is_explained() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## \S", MAKEFILE, re.MULTILINE), target
