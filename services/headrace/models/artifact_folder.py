"""Reads the files of an artifact's folder: plain files of known names, and no more than fits in memory."""

import os
import re
import stat
from pathlib import Path

from headrace.models.artifact_error import ArtifactError

MAX_FILES = 32
MAX_BYTES = 1 << 30
"""Of all files together."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SUFFIXES = {".json", ".sig", ".onnx", ".skops", ".array", ".md", ".html", ".yaml", ".txt"}


def check_name(name: str) -> None:
    """Refuses what is no plain name of a file that an artifact may hold.

    Raises:
        ArtifactError: it has a folder in it, odd signs, or an ending of which no artifact is made (`.pkl`, `.npy` …).
    """
    if not _NAME.fullmatch(name):
        raise ArtifactError(f"{name!r} is no plain file name, and an artifact holds nothing else")
    if Path(name).suffix not in _SUFFIXES:
        raise ArtifactError(f"{name!r}: an artifact holds no such file; allowed are {', '.join(sorted(_SUFFIXES))}")


def read_folder(folder: Path) -> dict[str, bytes]:
    """File name → content of all files in it.

    Raises:
        ArtifactError: it is no folder, holds links or folders, forbidden names, too many files or too much.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ArtifactError(f"the artifact {folder} can't be read: {error.strerror}") from error
    if len(entries) > MAX_FILES:
        raise ArtifactError(f"the artifact {folder} holds {len(entries)} files, more than {MAX_FILES}")
    found: dict[str, bytes] = {}
    left = MAX_BYTES
    for entry in entries:
        check_name(entry.name)
        found[entry.name] = _read(entry.path, left)
        left -= len(found[entry.name])
    return found


def _read(path: str, left: int) -> bytes:
    try:
        # O_NOFOLLOW: a link could lead to any file of this machine; O_NONBLOCK: a named pipe would wait for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ArtifactError(f"{path} is no plain file, and an artifact holds nothing else")
            content = file.read(left + 1)
    except OSError as error:
        raise ArtifactError(f"{path} can't be read as a plain file: {error.strerror}") from error
    if len(content) > left:
        raise ArtifactError(f"the artifact is larger than {MAX_BYTES >> 20} MB with {path}")
    return content
