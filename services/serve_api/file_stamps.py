"""Tells that a file has changed."""

import os
import time
from pathlib import Path

_SETTLED_NS = 1_000_000_000
"""A file that changed less long ago may change once more within one tick of the file system's clock."""

Stamp = tuple[int, ...]


def stamp_of(path: Path) -> Stamp:
    """What changes whenever the file does; first the time of its last change.

    Raises:
        OSError: it isn't there, or can't be looked at.
    """
    stat: os.stat_result = path.stat()
    return max(stat.st_mtime_ns, stat.st_ctime_ns), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_size


def is_settled(stamp: Stamp) -> bool:
    """Whether the same stamp means the same content."""
    return stamp[0] < time.time_ns() - _SETTLED_NS
