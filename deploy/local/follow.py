"""Reading a log: its end, and what is added to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local import process

_POLL_S = 0.2


def read(log: Path, lines: int, follow: bool) -> Iterator[str]:
    """The last `lines` of the log and, if `follow`, endlessly what is added, through a rotation too."""
    position = log.stat().st_size if log.exists() else 0
    yield process.tail(log, lines) + "\n"
    while follow:
        size = log.stat().st_size if log.exists() else 0
        if size == position:
            time.sleep(_POLL_S)
            continue
        with log.open("rb") as opened:
            opened.seek(position if size > position else 0)
            added = opened.read()
            position = opened.tell()
        yield added.decode(errors="replace")
