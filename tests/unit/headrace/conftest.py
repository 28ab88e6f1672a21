"""Where the cells of the counting rules are, for the tests of everything around them."""

from functools import partial
from pathlib import Path

import pytest

from headrace.streams.disk_cells import DiskCells
from tests.unit.headrace import counting


@pytest.fixture(params=["memory", "disk"])
def cells(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test twice: with cells in memory and on disk."""
    if request.param == "disk":
        monkeypatch.setattr(counting, "new_cells", partial(DiskCells, tmp_path, 1 << 20))
