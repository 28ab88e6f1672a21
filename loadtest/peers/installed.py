"""Makes the environments of the peers under .headrace/peers: one for each Python peer, and the jars of Kafka Streams.

`python -m loadtest.peers.installed lock` resolves quix.in and faust.in again into the files with hashes beside them.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.java import java_command
from deploy.local.paths import PROJECT, SEARCH_PATH

SOURCES = Path(__file__).resolve().parent
FOLDER = PROJECT / ".headrace" / "peers"
PYTHON_PEERS = ("quix", "faust")
_POM = SOURCES / "kstreams" / "pom.xml"
_STAMP = ".installed"
_LOCK_OPTIONS = (
    *("--quiet", "--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header"),
    *("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options"),
)


class InstallFailed(Exception):
    """An environment could not be made; says what the tool said."""


def python_of(peer: str) -> Path:
    """The interpreter of a Python peer, whose environment is made if it is not there as locked.

    Raises:
        InstallFailed: it could not be made.
    """
    folder, lock = FOLDER / peer, SOURCES / f"{peer}.txt"
    python = folder / "bin" / "python"
    if not _is_current(folder, [lock]):
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)])
        _mark(folder, [lock])
    return python


def java_of_kstreams() -> list[str]:
    """The start of the command line of Kafka Streams' job, which is compiled if it is not there as written.

    Raises:
        InstallFailed: Maven failed.
    """
    folder = FOLDER / "kstreams"
    sources = [_POM, *sorted((SOURCES / "kstreams" / "src").rglob("*.java"))]
    if not _is_current(folder, sources):
        shutil.rmtree(folder, ignore_errors=True)
        goals = ("compiler:compile", "dependency:copy-dependencies")
        _run(["mvn", "-q", "-B", "-f", str(_POM), f"-Dbuild.folder={folder}", *goals])
        _mark(folder, sources)
    return [java_command(SEARCH_PATH), "-cp", f"{folder / 'classes'}:{folder / 'jars'}/*", "StandardJob"]


def lock() -> None:
    """Writes the files of versions and hashes of the Python peers anew."""
    for peer in PYTHON_PEERS:
        files = ("--output-file", f"{peer}.txt", f"{peer}.in")
        _run([sys.executable, "-m", "piptools", "compile", *_LOCK_OPTIONS, *files], SOURCES)


def _is_current(folder: Path, sources: Sequence[Path]) -> bool:
    stamp = folder / _STAMP
    return stamp.exists() and stamp.read_text() == _digest(sources)


def _mark(folder: Path, sources: Sequence[Path]) -> None:
    (folder / _STAMP).write_text(_digest(sources))


def _digest(sources: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _run(command: Sequence[str], folder: Path = PROJECT) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise InstallFailed(f"`{' '.join(command[:4])} …` failed:\n{(done.stdout + done.stderr)[-2_000:]}")


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m loadtest.peers.installed lock")
    lock()
