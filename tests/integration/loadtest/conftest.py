"""A broker alone, which starts in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """mosquitto on a port and in a folder of its own."""
    folder: Path = tmp_path_factory.mktemp("broker")
    with temporary_stack(folder) as stack:
        stack.up("mosquitto")
        yield stack
